import { describe, expect, test } from 'vitest'
import { argon2Passwords } from '../../src/adapters/passwords.ts'
import { PasswordsBusy } from '../../src/domain/auth/sign-in.ts'

describe('hashing passwords', () => {
  test('takes the right one, and neither a wrong one nor any for an account without', async () => {
    const passwords = argon2Passwords()
    const stored = await passwords.hash('gravel lantern orbit muesli')
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await passwords.verify(stored, 'gravel lantern orbit muesli')).toBe(true)
    expect(await passwords.verify(stored, 'gravel lantern orbit')).toBe(false)
    expect(await passwords.verify(undefined, 'nobody has this password')).toBe(false)
    expect(await passwords.verify('invited', 'invited')).toBe(false)
  })

  test('lets so many wait and turns the others away, then goes on', async () => {
    const passwords = argon2Passwords({ atOnce: 1, waiting: 2 })
    const asked = await Promise.allSettled(Array.from({ length: 5 }, () => passwords.hash('a password')))
    expect(asked.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ])
    expect(asked.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))).toEqual([
      expect.any(PasswordsBusy),
      expect.any(PasswordsBusy),
    ])
    expect(await passwords.hash('another')).toContain('argon2id')
  })
})
