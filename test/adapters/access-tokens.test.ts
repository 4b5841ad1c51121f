import { randomBytes } from 'node:crypto'
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { accessTokens, openTokenSecret } from '../../src/adapters/access-tokens.ts'
import { tokenPlace } from '../../src/domain/auth/access-token.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const keysFolder = async () => {
  const folder = await temporaryFolder('tokens')
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

describe('the signing secret', () => {
  test('is made once, for the service alone, and found again', async () => {
    const folder = join(await keysFolder(), 'keys')
    const secret = await openTokenSecret(folder, randomBytes)
    expect(secret).toHaveLength(32)
    expect((await stat(join(folder, 'api-token.key'))).mode & 0o777).toBe(0o600)
    expect(await openTokenSecret(folder, randomBytes)).toEqual(secret)
  })

  test('is the same for processes that start at once', async () => {
    const folder = await keysFolder()
    const secrets = await Promise.all([1, 2, 3, 4].map(() => openTokenSecret(folder, randomBytes)))
    const [first] = secrets
    for (const secret of secrets) expect(secret).toEqual(first)
    expect(await readFile(join(folder, 'api-token.key'))).toEqual(first)
  })

  test('is refused when damaged, or when others can read it', async () => {
    const folder = await keysFolder()
    const path = join(folder, 'api-token.key')
    await writeFile(path, randomBytes(31), { mode: 0o600 })
    await expect(openTokenSecret(folder, randomBytes)).rejects.toThrow('damaged')
    await writeFile(path, randomBytes(32))
    await chmod(path, 0o644)
    await expect(openTokenSecret(folder, randomBytes)).rejects.toThrow('Others can read')
  })
})

describe('a token', () => {
  const now = new Date('2026-11-21T12:00:00Z')
  const place = tokenPlace('https://portal.example')
  const token = {
    id: 'jwt_1',
    userId: 'usr_1',
    keyId: 'key_1',
    scopes: ['data:read'],
    issuedAt: now,
    expiresAt: new Date('2026-11-21T13:00:00Z'),
  } as const

  test('is read where it was signed, by the clock that is given', async () => {
    const tokens = await accessTokens(randomBytes(32), place)
    const text = await tokens.sign(token)
    expect(await tokens.read(text, now)).toEqual(token)
    expect(await tokens.read(text, token.expiresAt)).toBeUndefined()
  })

  test('is refused by another secret, altered, or as no token at all', async () => {
    const text = await (await accessTokens(randomBytes(32), place)).sign(token)
    const tokens = await accessTokens(randomBytes(32), place)
    for (const wrong of [
      text,
      `${text}x`,
      text.slice(0, -2),
      '',
      'a.b',
      'a.b.c',
      '...',
      text.replace('.', '..'),
    ]) {
      expect(await tokens.read(wrong, now)).toBeUndefined()
    }
  })
})
