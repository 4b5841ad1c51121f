import { chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from 'pino'
import { isNoRoom } from '../domain/system/disk-space.ts'
import { StartupProblem } from '../startup-problem.ts'
import { keptSecret } from './kept-secret.ts'
import { type Binaries, usableBinaries } from './postgres-binaries.ts'
import { type Account, dataFolder, runAs, serverAccount } from './server-account.ts'
import { attach, detach, withLock } from './shared-folder.ts'

export interface EmbeddedServer {
  /** For migrations: the server's own superuser. */
  readonly adminUrl: string
  /** Stops watching; stops the server too when no other process uses it. */
  stop(): Promise<void>
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
    // Never more than this, whatever the umask: who may write here may put in keys of their own.
    await mkdir(join(control, 'attached'), { recursive: true, mode: 0o755 })
    await writeFile(join(control, '.writable'), '')
  } catch (cause) {
    if (isNoRoom(cause)) throw cause
    throw new StartupProblem(
      `The data folder ${folder} cannot be written. Make it writable for this user, or set SIGNALBOX_DATA to one that is.`,
      { cause },
    )
  }
  const account = process.getuid?.() === 0 ? await serverAccount() : undefined
  const binaries = await usableBinaries(account)
  const data = await dataFolder(control, account)
  const place: Place = { control, data, binaries, account, flags: options.flags ?? [] }
  const password = await keptSecret(join(control, 'password'))
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
  if (!(await isThere(join(data, 'PG_VERSION')))) await initialise(place, password)
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
      await writeFile(portFile, String(port), { mode: 0o644 })
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
      `The embedded database could not be made in ${place.data}: ${reasonOf(made.text)}`,
    )
  }
}

/** The line that says why: what initdb says last is that it cleans up. */
const reasonOf = (text: string): string | undefined => {
  const lines = text.trim().split('\n')
  return lines.find((line) => /\b(?:error|FATAL|PANIC):/.test(line)) ?? lines.at(-1)
}

/** A pid file left by a kill can name a process that is something else by now; then Postgres would refuse to start. */
async function removeStalePid(data: string): Promise<void> {
  const path = join(data, 'postmaster.pid')
  const pid = Number((await readFile(path, 'utf8').catch(() => '')).split('\n')[0])
  if (!(pid > 0)) return
  const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  if (command.trim() !== 'postgres') await rm(path, { force: true })
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

const run = (place: Place, command: string, args: readonly string[]) => runAs(place.account, command, args)

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
