import { setTimeout as wait } from 'node:timers/promises'
import type { Kysely } from 'kysely'
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
    const run = await db
      .selectFrom('runs')
      .select(['status', 'bytesRead', 'sourceBytes'])
      .where('id', '=', runId)
      .executeTakeFirstOrThrow()
    const rows = await db
      .selectFrom('runStages')
      .select((eb) => [
        'stage',
        'status',
        'recordsIn',
        'recordsOut',
        eb
          .selectFrom('shards')
          .select((of) => of.fn.sum<number>('progress').as('progress'))
          .whereRef('shards.runId', '=', 'runStages.runId')
          .whereRef('shards.stage', '=', 'runStages.stage')
          .where('shards.status', '=', 'working')
          .as('progress'),
      ])
      .where('runId', '=', runId)
      .orderBy('position')
      .execute()
    const ended = !['queued', 'running'].includes(run.status)
    // The furthest one at work: the stages before it go on as well.
    const current = rows.findLast((row) => row.status === 'running') ?? rows[0]
    const expected = ((rows[0]?.recordsIn ?? 0) * run.sourceBytes) / Math.max(1, run.bytesRead)
    const through =
      rows.reduce((sum, row) => sum + row.recordsOut + Number(row.progress ?? 0), 0) / rows.length
    const share = ended ? 1 : Math.min(0.99, through / Math.max(1, expected))
    const records = ((ended ? rows.at(-1) : current)?.recordsOut ?? 0) + Number(current?.progress ?? 0)
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
