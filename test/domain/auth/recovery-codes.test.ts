import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  hashOfRecoveryCode,
  looksLikeRecoveryCode,
  recoveryCodeBytes,
  recoveryCodes,
} from '../../../src/domain/auth/recovery-codes.ts'

describe('recovery codes', () => {
  const codes = recoveryCodes(randomBytes(recoveryCodeBytes))

  test('are ten, all different, in groups that can be typed', () => {
    expect(new Set(codes).size).toBe(10)
    for (const code of codes) expect(code).toMatch(/^([a-z2-7]{4}-){5}[a-z2-7]{4}$/)
  })

  test('have at least 112 bits each, so that a plain hash of them cannot be searched (ASVS 5.0, 6.5.2)', () => {
    expect((recoveryCodeBytes / 10) * 8).toBeGreaterThanOrEqual(112)
    for (const code of codes) expect(code.replaceAll('-', '').length * 5).toBeGreaterThanOrEqual(112)
  })

  test('are known however they are typed, and six digits are none', () => {
    const [code = ''] = codes
    for (const typed of [
      code,
      code.toUpperCase(),
      code.replaceAll('-', ' '),
      ` ${code.replaceAll('-', '')} `,
    ]) {
      expect(looksLikeRecoveryCode(typed)).toBe(true)
      expect(hashOfRecoveryCode(typed)).toBe(hashOfRecoveryCode(code))
    }
    // Of those who turned the second factor on before.
    expect(looksLikeRecoveryCode('jfwt-66qk-j7qn-fxqe')).toBe(true)
    expect(looksLikeRecoveryCode('123456')).toBe(false)
    expect(looksLikeRecoveryCode('')).toBe(false)
  })
})
