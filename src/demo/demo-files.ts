import { copyFile, link, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Names in a folder that end so, oldest first: names begin with the time. Half-written files end in `.part`. */
export async function namesIn(folder: string, ending: string): Promise<string[]> {
  const names = await readdir(folder).catch(ignoring('ENOENT', []))
  return names
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, name.length - ending.length))
    .sort()
}

/** Names of `from` that neither folder of `done` has yet. */
export async function namesToDo(
  from: { readonly folder: string; readonly ending: string },
  done: readonly { readonly folder: string; readonly ending: string }[],
): Promise<string[]> {
  const have = new Set((await Promise.all(done.map((each) => namesIn(each.folder, each.ending)))).flat())
  return (await namesIn(from.folder, from.ending)).filter((name) => !have.has(name))
}

/** Whoever looks sees the whole file or none. */
export async function writeWhole(path: string, content: Buffer | string, mode = 0o644): Promise<void> {
  await writeFile(`${path}.part`, content, { mode })
  await rename(`${path}.part`, path)
}

/** A second name for the same bytes, which costs no room; a copy where the disk knows no links. */
export async function place(from: string, folder: string, name: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const to = join(folder, name)
  try {
    await link(from, to)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST' || code === 'ENOENT') return
    await copyFile(from, to)
  }
}

export const remove = (path: string) => rm(path, { force: true })

/** Cleaned away between the look and the reading: what moves on is no fault. */
export const isGone = (error: unknown) => codeOf(error) === 'ENOENT'

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

const ignoring =
  <T>(code: string, instead: T) =>
  (error: unknown): T => {
    if (codeOf(error) === code) return instead
    throw error
  }
