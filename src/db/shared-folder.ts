import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/**
 * Runs `work` while no other process does so on this folder. The lock is a folder with the holder's identity in it; one whose
 * holder no longer lives is taken over.
 */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = join(folder, 'lock')
  for (let waited = 0; ; waited++) {
    try {
      await mkdir(lock, { mode: 0o755 })
      await writeFile(join(lock, 'holder'), await identity(process.pid), { mode: 0o644 })
      break
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
      const holder = await readFile(join(lock, 'holder'), 'utf8').catch(() => '')
      // Without a holder's name for two seconds: killed between the two steps.
      const isStale = holder === '' ? waited > 40 : !(await lives(holder))
      if (isStale) await rm(lock, { recursive: true, force: true })
      else await wait(50)
    }
  }
  try {
    return await work()
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}

/** Notes that this process uses the server of the folder. Call under the lock. */
export async function attach(folder: string): Promise<void> {
  await writeFile(join(folder, 'attached', String(process.pid)), await identity(process.pid), { mode: 0o644 })
}

/** Takes the note back; answers whether nobody else uses the server. Call under the lock. */
export async function detach(folder: string): Promise<boolean> {
  const attached = join(folder, 'attached')
  await rm(join(attached, String(process.pid)), { force: true })
  let others = 0
  for (const name of await readdir(attached)) {
    const holder = await readFile(join(attached, name), 'utf8').catch(() => '')
    if (await lives(holder)) others++
    else await rm(join(attached, name), { force: true })
  }
  return others === 0
}

/** Pid and start time: a pid alone is used again. Without /proc the pid must do. */
async function identity(pid: number): Promise<string> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return `${pid} ${fields[19] ?? ''}`
}

async function lives(holder: string): Promise<boolean> {
  const pid = Number(holder.split(' ')[0])
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  return (await identity(pid)) === holder
}
