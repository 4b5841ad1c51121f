import { describe, expect, test } from 'vitest'
import {
  hashOfApiKey,
  isCalledApiKey,
  isWellFormedApiKey,
  keyState,
  makeApiKey,
  NewApiKey,
  prefixOfApiKey,
} from '../../../src/domain/auth/api-key.ts'

const key = makeApiKey(Uint8Array.from({ length: 32 }, (_, at) => at * 7))

describe('a key', () => {
  test('is the mark, 43 characters of chance and six of checksum', () => {
    expect(key).toMatch(/^sbx_[0-9A-Za-z]{49}$/)
    expect(isWellFormedApiKey(key)).toBe(true)
    expect(isCalledApiKey(key)).toBe(true)
  })

  test('is well-formed at both ends of chance', () => {
    for (const byte of [0, 255]) {
      expect(isWellFormedApiKey(makeApiKey(new Uint8Array(32).fill(byte)))).toBe(true)
    }
  })

  test('with one character mistyped, two changed places or an end cut off is found out by its checksum', () => {
    for (let at = 4; at < key.length; at++) {
      const other = key[at] === 'x' ? 'y' : 'x'
      expect(isWellFormedApiKey(key.slice(0, at) + other + key.slice(at + 1))).toBe(false)
    }
    expect(isWellFormedApiKey(`${key.slice(0, 10)}${key[11]}${key[10]}${key.slice(12)}`)).toBe(false)
    expect(isWellFormedApiKey(key.slice(0, -1))).toBe(false)
    expect(isWellFormedApiKey(`${key}0`)).toBe(false)
    expect(isWellFormedApiKey(key.toLowerCase())).toBe(false)
  })

  test('is recognised by ten characters, and kept as its SHA-256', () => {
    expect(prefixOfApiKey(key)).toBe(key.slice(0, 10))
    expect(hashOfApiKey(key)).toMatch(/^[0-9a-f]{64}$/)
  })

  test('is active until it expires or is revoked', () => {
    const now = new Date('2026-11-21T12:00:00Z')
    const later = new Date('2026-11-22T12:00:00Z')
    expect(keyState({ revokedAt: null, expiresAt: later }, now)).toBe('active')
    expect(keyState({ revokedAt: null, expiresAt: now }, now)).toBe('expired')
    expect(keyState({ revokedAt: now, expiresAt: later }, now)).toBe('revoked')
  })
})

describe('what is said of a new key', () => {
  const good = { name: 'nightly import', scopes: ['data:read'], days: '90' }

  test('is a name, scopes and days', () => {
    expect(NewApiKey.parse(good)).toEqual({ ...good, days: 90 })
  })

  test.each([
    [{ name: ' ' }, 'Give the key a name'],
    [{ name: 'a\u202eb' }, 'cannot be seen'],
    [{ scopes: [] }, 'at least one scope'],
    [{ scopes: ['data:delete'] }, 'Choose scopes of the list'],
    [{ days: '0' }, 'a day at least'],
    [{ days: '367' }, '366 days at most'],
    [{ days: '1.5' }, 'whole days'],
    [{ days: 'soon' }, 'how many days'],
    [{ days: '' }, 'a day at least'],
  ])('is refused with a sentence: %o', (wrong, sentence) => {
    const refused = NewApiKey.safeParse({ ...good, ...wrong })
    expect(refused.error?.issues.map(({ message }) => message).join()).toContain(sentence)
  })
})
