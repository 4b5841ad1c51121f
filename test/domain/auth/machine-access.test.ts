import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { machineView } from '../../../src/domain/auth/machine-access.ts'

const token = 'a'.repeat(32)
const closed = { token, isPublic: false }

describe('reading the machine endpoints', () => {
  test('is for people with a session', () => {
    expect(machineView(closed, true, undefined)).toBe('full')
  })
  test('is for whoever sends the token', () => {
    expect(machineView(closed, false, `Bearer ${token}`)).toBe('full')
    expect(machineView(closed, false, `bearer ${token}`)).toBe('full')
  })
  test('is without evidence for everybody else, where it is public', () => {
    expect(machineView({ token: undefined, isPublic: true }, false, undefined)).toBe('outline')
    expect(machineView({ token, isPublic: true }, false, 'Bearer wrong')).toBe('outline')
    expect(machineView({ token, isPublic: true }, false, `Bearer ${token}`)).toBe('full')
  })
  test('is not for everybody else', () => {
    expect(machineView(closed, false, undefined)).toBeUndefined()
  })
  test.each([`Bearer ${token}a`, `Bearer ${token.slice(1)}`, `Basic ${token}`, token, 'Bearer ', 'Bearer'])(
    'is not for %s',
    (authorization) => {
      expect(machineView(closed, false, authorization)).toBeUndefined()
    },
  )
  test('is for no token where none is set', () => {
    expect(machineView({ token: undefined, isPublic: false }, false, 'Bearer undefined')).toBeUndefined()
  })
})

describe('the settings of the machine endpoints', () => {
  test('are closed unless they say otherwise', () => {
    expect(readConfig({}).machines).toEqual({ token: undefined, isPublic: false, corsOrigins: [] })
    expect(readConfig({ METRICS_TOKEN: token, PUBLIC_STATUS: '1' }).machines).toEqual({
      token,
      isPublic: true,
      corsOrigins: [],
    })
  })
  test('refuse a token shorter than 32 characters, without repeating it', () => {
    const short = 'b'.repeat(31)
    expect(() => readConfig({ METRICS_TOKEN: short })).toThrow(
      /METRICS_TOKEN: Give it at least 32 characters/,
    )
    expect(() => readConfig({ METRICS_TOKEN: short })).not.toThrow(new RegExp(short))
  })
  test('refuse a token with spaces, which no header could carry', () => {
    expect(() => readConfig({ METRICS_TOKEN: `${token} ${token}` })).toThrow(/METRICS_TOKEN/)
  })
  test('refuse another PUBLIC_STATUS', () => {
    expect(() => readConfig({ PUBLIC_STATUS: 'yes' })).toThrow(/PUBLIC_STATUS/)
  })
  test('take origins apart by commas and spaces, and write them as browsers do', () => {
    const { corsOrigins } = readConfig({
      STATUS_CORS_ORIGINS: 'https://Wall.example, http://localhost:8080 https://wall.example:443/',
    }).machines
    expect(corsOrigins).toEqual(['https://wall.example', 'http://localhost:8080'])
  })
  test.each(['*', 'null', 'wall.example', 'https://wall.example/board', 'ftp://wall.example', 'https://a@b'])(
    'refuse “%s” as an origin',
    (origin) => {
      expect(() => readConfig({ STATUS_CORS_ORIGINS: origin })).toThrow(
        /STATUS_CORS_ORIGINS: .* is no origin/,
      )
    },
  )
})
