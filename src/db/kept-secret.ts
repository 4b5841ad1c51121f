import { randomBytes } from 'node:crypto'
import { link, open, readFile, rename, rm } from 'node:fs/promises'

/**
 * The secret of a file; made the first time. It is there whole or not at all: an empty file, as a full disk or a lost
 * power leaves one, would lock everybody out for good, and is taken for none.
 */
export async function keptSecret(path: string): Promise<string> {
  const kept = await read(path)
  if (kept !== undefined && kept !== '') return kept
  const fresh = `${path}.${randomBytes(6).toString('hex')}`
  try {
    const file = await open(fresh, 'wx', 0o600)
    try {
      await file.writeFile(randomBytes(24).toString('hex'))
      await file.sync()
    } finally {
      await file.close()
    }
    if (kept === '') await rename(fresh, path)
    // Whoever else makes one at the same time: the first holds.
    else await link(fresh, path).catch(unless('EEXIST'))
  } finally {
    await rm(fresh, { force: true })
  }
  return (await read(path)) ?? ''
}

const read = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').then((text) => text.trim(), unless('ENOENT'))

const unless =
  (code: string) =>
  (error: NodeJS.ErrnoException): undefined => {
    if (error.code !== code) throw error
  }
