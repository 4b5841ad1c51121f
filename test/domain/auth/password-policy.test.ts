import { describe, expect, test } from 'vitest'
import { commonPasswords } from '../../../src/domain/auth/common-passwords.ts'
import { checkPassword } from '../../../src/domain/auth/password-policy.ts'
import { waitAfter } from '../../../src/domain/auth/sign-in.ts'

const about = { name: 'Margaret Hollis', email: 'margaret@clinic.example' }

describe('a password', () => {
  test.each([
    'gravel lantern orbit muesli',
    'kR7#vq9Lm2xWp4Tz',
    'ein ruhiger Fluss im Nebel',
    '静かな川の流れに月が映る夜の窓辺',
  ])('of unrelated characters or words is taken: %s', (password) =>
    expect(checkPassword(password, about)).toMatchObject({ ok: true }),
  )
  test('needs 15 characters and may have 128', () => {
    expect(checkPassword('gravel lantern', about).ok).toBe(false)
    const long = Array.from({ length: 128 }, (_, i) => String.fromCodePoint(0x61 + ((i * 7) % 26))).join('')
    expect(checkPassword(long, about).ok).toBe(true)
    expect(checkPassword(`${long}x`, about).ok).toBe(false)
  })
  test.each([
    'passwordpassword',
    'P@ssw0rd-P@ssw0rd!',
    'Password123456789',
    '123456789012345',
    '987654321098765',
    'abcdefghijklmnop',
    'qwertyuiopasdfghjkl',
    'aaaaaaaaaaaaaaaaaaaa',
    'abcabcabcabcabcabc',
    'iloveyouiloveyou',
    'correct horse battery staple',
    'margaret hollis 1984',
    'signalbox-admin-2026',
    'Welcome to signalbox'.replace(' to ', ''),
  ])('that would be tried first is refused: %s', (password) => {
    expect(checkPassword(password, about).ok).toBe(false)
  })
  test.each([
    'computer',
    'Starwars',
    'liverpool',
    'jordan23',
    'q1w2e3r4',
    'rush2112',
    'Mountain2024!',
    'momsanaladventure',
  ])('that breaches gave away is refused, also where a second factor lets it be short: %s', (password) => {
    expect(checkPassword(password, { ...about, hasSecondFactor: true }).ok).toBe(false)
  })
  test('beside a second factor needs 8 characters', () => {
    expect(checkPassword('kR7#vq9L', { ...about, hasSecondFactor: true }).ok).toBe(true)
    expect(checkPassword('kR7#vq9', { ...about, hasSecondFactor: true }).ok).toBe(false)
  })
  test('is compared with at least the 3,000 commonest that are long enough (ASVS 5.0, 6.2.4)', () => {
    expect([...commonPasswords].filter((password) => password.length >= 8).length).toBeGreaterThan(3_000)
  })
})

test('waiting doubles after the free attempts, up to a quarter of an hour', () => {
  expect([4, 5, 6, 7, 30].map((failures) => waitAfter(failures, 5))).toEqual([0, 1, 2, 4, 900])
})
