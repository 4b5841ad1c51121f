import { randomBytes } from 'node:crypto'
import { link, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What a file is called until it is whole. */
export const temporaryFileSuffix = '.tmp'

/**
 * Makes a file, whole or not at all: temporary name, fsync, link, fsync of the folder.
 * @returns false when there was one, which stays
 */
export async function createDurably(path: string, bytes: Uint8Array): Promise<boolean> {
  const temporary = await writeTemporary(path, bytes)
  try {
    await link(temporary, path)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
    return false
  } finally {
    await unlinkIfThere(temporary)
    await syncFolder(dirname(path))
  }
  return true
}

/** Puts another content in the place of a file, at once: temporary name, fsync, rename, fsync of the folder. */
export async function replaceDurably(path: string, bytes: Uint8Array): Promise<void> {
  await rename(await writeTemporary(path, bytes), path)
  await syncFolder(dirname(path))
}

export async function removeDurably(path: string): Promise<void> {
  await unlinkIfThere(path)
  await syncFolder(dirname(path))
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Removes what a killed process left under a temporary name in one folder; spares what another is writing. */
export async function sweepTemporaryFiles(folder: string, writtenBefore: Date): Promise<void> {
  for (const file of await readdir(folder)) {
    if (!file.endsWith(temporaryFileSuffix)) continue
    const path = join(folder, file)
    const found = await statIfThere(path)
    if (found && found.ctime < writtenBefore) await unlinkIfThere(path)
  }
}

export const unlinkIfThere = (path: string): Promise<void> =>
  unlink(path).catch((error: unknown) => {
    if (!isCode(error, 'ENOENT')) throw error
  })

export const statIfThere = (path: string) =>
  stat(path).catch((error: unknown) => {
    if (!isCode(error, 'ENOENT')) throw error
    return undefined
  })

/** The text of a file; undefined only where there is none: one that cannot be read is not one that is gone. */
export const readIfThere = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    if (!isCode(error, 'ENOENT')) throw error
    return undefined
  })

/** The entries of a folder; none where there is no folder. */
export const entriesIfThere = (folder: string) =>
  readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (!isCode(error, 'ENOENT')) throw error
    return []
  })

export const isCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code))

async function writeTemporary(path: string, bytes: Uint8Array): Promise<string> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}${temporaryFileSuffix}`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } catch (error) {
    await unlinkIfThere(temporary)
    throw error
  } finally {
    await file.close()
  }
  return temporary
}
