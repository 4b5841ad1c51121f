import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartupProblem } from '../startup-problem.ts'

/** A user of the machine. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** As root the server runs as a user of its own, made when it is missing: Postgres refuses to run as root. */
export async function serverAccount(): Promise<Account> {
  const look = async () => {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map((flag) => runAs(undefined, 'id', [flag, 'postgres'])),
    )
    return uid?.code === 0 && gid?.code === 0 ? { uid: Number(uid.text), gid: Number(gid.text) } : undefined
  }
  const found = await look()
  if (found) return found
  await runAs(undefined, 'useradd', [
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

/**
 * `<folder>/postgres/data`. Where the server's own user may not enter it (a checkout below a 0700 folder, as root),
 * the data lies below /var/lib/signalbox instead, under a name made from the folder's; `data-is-in` beside it says so.
 * @throws StartupProblem when that note came from another place: an empty database would else begin unasked
 */
export async function dataFolder(control: string, account: Account | undefined): Promise<string> {
  const wanted = join(control, 'data')
  if (!account) return wanted
  await mkdir(wanted, { recursive: true, mode: 0o700 })
  const noteFile = join(control, 'data-is-in')
  const noted = (await readFile(noteFile, 'utf8').catch(() => '')).trim()
  const key = createHash('sha256').update(wanted).digest('hex').slice(0, 16)
  const elsewhere = join('/var/lib/signalbox', key)
  const data = join(elsewhere, 'data')
  const isEmpty = (await readdir(wanted)).length === 0
  if (isEmpty && noted !== '' && noted !== data) {
    throw new StartupProblem(
      `The database of this folder lies in ${noted}, says ${noteFile}. To go on with it here: mv -T ${noted} ${wanted} && rm ${noteFile}`,
    )
  }
  await chown(wanted, account.uid, account.gid)
  const isNoted = isEmpty && noted === data
  if (!isNoted && (await runAs(account, 'test', ['-w', wanted])).code === 0) return wanted
  await mkdir(elsewhere, { recursive: true })
  // Whatever the umask is.
  for (const folder of ['/var/lib/signalbox', elsewhere]) await chmod(folder, 0o755)
  await mkdir(data, { recursive: true, mode: 0o700 })
  await chown(data, account.uid, account.gid)
  if (isEmpty) await writeFile(noteFile, `${data}\n`)
  return data
}

/**
 * Runs a program to its end, as another user where one is given. Detached, so that a Ctrl-C in the terminal reaches us
 * and not the server.
 */
export function runAs(
  account: Account | undefined,
  command: string,
  args: readonly string[],
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
