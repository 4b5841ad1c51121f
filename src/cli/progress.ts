import { setTimeout as wait } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { readRunProgress } from '../db/run-progress.ts'
import type { Database } from '../db/schema.ts'
import { readPaused } from '../db/worker-presence.ts'

/**
 * Follows a run until it ends or the signal says stop: a bar on a terminal, else a line a second when something
 * changed.
 */
export async function watchRun(
  db: Kysely<Database>,
  runId: string,
  out: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<void> {
  let last = ''
  let lastAt = 0
  while (!signal.aborted) {
    const run = await readRunProgress(db, runId)
    const { stages } = run
    const ended = !['queued', 'running'].includes(run.status)
    // The furthest one at work: the stages before it go on as well.
    const current = stages.findLast((row) => row.status === 'running') ?? stages[0]
    const expected = ((stages[0]?.recordsIn ?? 0) * run.sourceBytes) / Math.max(1, run.bytesRead)
    const through = stages.reduce((sum, row) => sum + row.recordsOut + row.progress, 0) / stages.length
    const share = ended ? 1 : Math.min(0.99, through / Math.max(1, expected))
    const records = ((ended ? stages.at(-1) : current)?.recordsOut ?? 0) + (current?.progress ?? 0)
    const paused = ended ? null : await readPaused(db)
    const text = paused ?? `${ended ? run.status : (current?.stage ?? run.status)}, ${records} records`
    if (out.isTTY) {
      const filled = Math.round(share * 30)
      out.write(
        `\r${'█'.repeat(filled)}${'░'.repeat(30 - filled)} ${Math.round(share * 100)} %  ${text}\x1b[K`,
      )
    } else if (text !== last && (Date.now() - lastAt >= 1_000 || ended)) {
      out.write(`${Math.round(share * 100)} %  ${text}\n`)
      last = text
      lastAt = Date.now()
    }
    if (ended) break
    await wait(100)
  }
  if (out.isTTY) out.write('\n')
}
