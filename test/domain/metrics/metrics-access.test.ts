import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { mayReadMetrics } from '../../../src/domain/metrics/metrics-access.ts'

const token = 'a'.repeat(32)
const closed = { token, isPublic: false }

describe('reading the metrics', () => {
  test('is for administrators', () => {
    expect(mayReadMetrics(closed, 'admin', undefined)).toBe(true)
  })
  test('is for whoever sends the token', () => {
    expect(mayReadMetrics(closed, undefined, `Bearer ${token}`)).toBe(true)
    expect(mayReadMetrics(closed, undefined, `bearer ${token}`)).toBe(true)
  })
  test('is for everybody where it is public', () => {
    expect(mayReadMetrics({ token: undefined, isPublic: true }, undefined, undefined)).toBe(true)
  })
  test.each(['viewer', 'user', undefined] as const)('is not for %s', (role) => {
    expect(mayReadMetrics(closed, role, undefined)).toBe(false)
  })
  test.each([`Bearer ${token}a`, `Bearer ${token.slice(1)}`, `Basic ${token}`, token, 'Bearer ', 'Bearer'])(
    'is not for %s',
    (authorization) => {
      expect(mayReadMetrics(closed, undefined, authorization)).toBe(false)
    },
  )
  test('is for no token where none is set', () => {
    expect(mayReadMetrics({ token: undefined, isPublic: false }, undefined, 'Bearer undefined')).toBe(false)
  })
})

describe('the settings of metrics', () => {
  test('are closed unless they say otherwise', () => {
    expect(readConfig({}).metrics).toEqual({ token: undefined, isPublic: false })
    expect(readConfig({ METRICS_TOKEN: token, PUBLIC_STATUS: '1' }).metrics).toEqual({
      token,
      isPublic: true,
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
})
