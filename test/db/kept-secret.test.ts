import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keptSecret } from '../../src/db/kept-secret.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('is made once, for its owner alone, and nothing else is left', async () => {
  const folder = await temporaryFolder('secret')
  const path = join(folder, 'password')
  const made = await keptSecret(path)
  expect(made).toMatch(/^[0-9a-f]{48}$/)
  expect(await keptSecret(path)).toBe(made)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).toEqual(['password'])
})

test('several that ask at once get the same', async () => {
  const path = join(await temporaryFolder('secret'), 'password')
  expect(new Set(await Promise.all(Array.from({ length: 20 }, () => keptSecret(path)))).size).toBe(1)
})

test('an empty file, left by a full disk, is none', async () => {
  const path = join(await temporaryFolder('secret'), 'password')
  await writeFile(path, '')
  const made = await keptSecret(path)
  expect(made).toMatch(/^[0-9a-f]{48}$/)
  expect(await readFile(path, 'utf8')).toBe(made)
})

test('a file that cannot be read is not one that is gone', async () => {
  await expect(keptSecret(await temporaryFolder('secret'))).rejects.toThrow('EISDIR')
})
