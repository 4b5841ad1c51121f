import { describe, expect, test } from 'vitest'
import {
  hashOfRecoveryCode,
  looksLikeRecoveryCode,
  recoveryCodeBytes,
  recoveryCodes,
} from '../../../src/domain/auth/recovery-codes.ts'
import { openSecret, sealSecret } from '../../../src/domain/auth/sealed-secret.ts'
import { base32, codeAt, otpauthUri, stepOf, stepOfCode } from '../../../src/domain/auth/totp.ts'

/** RFC 6238 appendix B, the SHA-1 column; its eight digits end in our six. */
const secret = Buffer.from('12345678901234567890')
const at = (seconds: number) => new Date(seconds * 1000)

describe('a time-based code', () => {
  test.each([
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ])('is that of RFC 6238 at %i seconds', (seconds, code) => {
    expect(codeAt(secret, stepOf(at(seconds)))).toBe(code.slice(-6))
  })

  test('is taken in its own step and the ones beside it, typed with spaces or not', () => {
    const now = at(1_234_567_890)
    const code = codeAt(secret, stepOf(now))
    expect(stepOfCode(secret, `${code.slice(0, 3)} ${code.slice(3)}`, now, 0)).toBe(stepOf(now))
    expect(stepOfCode(secret, code, at(1_234_567_890 + 30), 0)).toBe(stepOf(now))
    expect(stepOfCode(secret, code, at(1_234_567_890 - 30), 0)).toBe(stepOf(now))
    expect(stepOfCode(secret, code, at(1_234_567_890 + 60), 0)).toBeUndefined()
  })

  test('is not taken twice, nor an earlier one after it', () => {
    const now = at(1_234_567_890)
    const step = stepOf(now)
    expect(stepOfCode(secret, codeAt(secret, step), now, step)).toBeUndefined()
    expect(stepOfCode(secret, codeAt(secret, step - 1), now, step)).toBeUndefined()
    expect(stepOfCode(secret, codeAt(secret, step + 1), now, step)).toBe(step + 1)
  })

  test.each(['', '12345', '1234567', '⑤⑤⑤⑤⑤⑤', 'aaaaaa'])('%j is none', (typed) => {
    expect(stepOfCode(secret, typed, at(1_234_567_890), 0)).toBeUndefined()
  })

  test('comes from a secret that apps read as RFC 4648 base32', () => {
    expect(base32(Buffer.from('foobar'))).toBe('MZXW6YTBOI')
    expect(base32(Buffer.from('f'))).toBe('MY')
    expect(otpauthUri(secret, 'a b@example.org')).toBe(
      'otpauth://totp/Signalbox:a%20b%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Signalbox',
    )
  })
})

describe('recovery codes', () => {
  const random = Uint8Array.from({ length: recoveryCodeBytes }, (_, i) => (i * 37) % 256)
  test('are ten, all different, and known however they are typed', () => {
    const codes = recoveryCodes(random)
    expect(new Set(codes).size).toBe(10)
    const [code = ''] = codes
    expect(code).toMatch(/^([a-z2-7]{4}-){5}[a-z2-7]{4}$/)
    expect(looksLikeRecoveryCode(code)).toBe(true)
    // Of those who turned the second factor on when codes were shorter.
    expect(looksLikeRecoveryCode('jfwt-66qk-j7qn-fxqe')).toBe(true)
    expect(looksLikeRecoveryCode('123456')).toBe(false)
    expect(hashOfRecoveryCode(code.toUpperCase().replaceAll('-', ' '))).toBe(hashOfRecoveryCode(code))
  })
  test('have at least 112 bits each: a plain hash of them cannot be searched (ASVS 5.0, 6.5.2)', () => {
    expect((recoveryCodeBytes / 10) * 8).toBeGreaterThanOrEqual(112)
    for (const code of recoveryCodes(random))
      expect(code.replaceAll('-', '').length * 5).toBeGreaterThanOrEqual(112)
  })
})

describe('a sealed secret', () => {
  const key = Buffer.alloc(32, 7)
  const sealed = sealSecret(key, Buffer.alloc(12, 1), 'usr_1', secret)
  test('opens for its own user and key', () => {
    expect(openSecret(key, 'usr_1', sealed)).toEqual(secret)
    expect(sealed.includes(secret)).toBe(false)
  })
  test('opens neither for another, nor with another key, nor changed', () => {
    expect(() => openSecret(key, 'usr_2', sealed)).toThrow()
    expect(() => openSecret(Buffer.alloc(32, 8), 'usr_1', sealed)).toThrow()
    const changed = Buffer.from(sealed)
    changed[14] = (changed[14] ?? 0) ^ 1
    expect(() => openSecret(key, 'usr_1', changed)).toThrow()
  })
})
