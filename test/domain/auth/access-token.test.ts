import { describe, expect, test } from 'vitest'
import {
  type AccessToken,
  claimsOf,
  longestTokenSeconds,
  TokenRequest,
  tokenOf,
  tokenPlace,
} from '../../../src/domain/auth/access-token.ts'

const now = new Date('2026-11-21T12:00:00Z')
const inSeconds = (seconds: number) => new Date(now.getTime() + seconds * 1_000)
const place = tokenPlace('https://portal.example/')
const token: AccessToken = {
  id: 'jwt_1',
  userId: 'usr_1',
  keyId: 'key_1',
  scopes: ['data:read'],
  issuedAt: now,
  expiresAt: inSeconds(3_600),
}
const claims = claimsOf(token, place)

describe('the claims of a token', () => {
  test('say what the token is, to the second', () => {
    expect(claims).toMatchObject({
      iss: 'https://portal.example',
      aud: 'https://portal.example/api/v1',
      sub: 'usr_1',
      jti: 'jwt_1',
      scope: 'data:read',
    })
    expect(tokenOf(claims, place, now)).toEqual(token)
    expect(tokenOf(claims, place, inSeconds(3_599))).toEqual(token)
  })

  test.each([
    ['another audience', { aud: 'https://portal.example' }],
    ['a list of audiences', { aud: [place.audience] }],
    ['another issuer', { iss: 'https://evil.example' }],
    ['no id', { jti: '' }],
    ['no end', { exp: undefined }],
    ['an end that is text', { exp: '9999999999' }],
    ['an end that has passed', { exp: claims.iat }],
    ['a beginning that is still to come', { nbf: claims.nbf + 60 }],
    ['made in the future', { iat: claims.iat + 60 }],
    ['a life longer than a day', { exp: claims.iat + longestTokenSeconds + 1 }],
  ])('are refused: %s', (_, wrong) => {
    expect(tokenOf({ ...claims, ...wrong }, place, now)).toBeUndefined()
  })

  test('are refused where they are no object', () => {
    for (const wrong of [null, undefined, 'text', 7, []]) expect(tokenOf(wrong, place, now)).toBeUndefined()
  })

  test('hold at a clock a few seconds behind the one they were made by', () => {
    expect(tokenOf(claims, place, inSeconds(-4))).toEqual(token)
    expect(tokenOf(claims, place, inSeconds(-6))).toBeUndefined()
  })
})

describe('the request for a token', () => {
  test('may be empty: an hour, all scopes of the key', () => {
    expect(TokenRequest.parse({})).toEqual({ seconds: 3_600 })
  })

  test.each([
    { seconds: 59 },
    { seconds: longestTokenSeconds + 1 },
    { seconds: '3600' },
    { scopes: [] },
    { scopes: ['data:everything'] },
    { audience: 'elsewhere' },
  ])('is refused: %o', (wrong) => {
    expect(TokenRequest.safeParse(wrong).success).toBe(false)
  })
})
