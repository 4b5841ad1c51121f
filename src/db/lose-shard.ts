import { sql } from 'kysely'
import { mostLosses, narrow, tried, wholeShard } from '../domain/pipeline/isolate.ts'
import type { Stage } from '../domain/pipeline/run.ts'
import type { ShardTask } from '../domain/pipeline/shard.ts'
import type { SendShard } from './add-shards.ts'
import { addEvent, type Trx } from './run-events.ts'

export interface LostShard {
  readonly runId: string
  readonly stage: Stage
  readonly index: number
  readonly attempt: number
  readonly losses: number
  readonly failures: number
  readonly recordsIn: number
  readonly task: ShardTask
}

export const lostShardColumns = [
  'shards.runId',
  'shards.stage',
  'shards.index',
  'shards.attempt',
  'shards.losses',
  'shards.failures',
  'shards.recordsIn',
  'shards.task',
] as const

/**
 * A worker was lost over a shard: puts it back at once. That is no retry. After five of them without progress the record to
 * blame is searched by halves; a shard whose records cannot be told apart fails, and its run with it.
 * The caller holds the shard's row.
 * @param weight how much the loss says about the shard, see isolate.ts
 * @param how what happened, for the event: "its worker process ended"
 */
export async function loseShard(
  trx: Trx,
  deps: { readonly send: SendShard; readonly clock: () => Date },
  shard: LostShard,
  weight: number,
  how: string,
): Promise<void> {
  const now = deps.clock()
  const losses = shard.losses + weight
  const change = afterLoss(shard, losses)
  await addEvent(trx, shard.runId, now, 'lost', `${change.event}: ${how}`, shard)
  if (change.kind === 'failed') {
    await failRun(trx, shard, now, change.problem)
    return
  }
  await trx
    .updateTable('shards')
    .set({
      status: 'queued',
      workerId: null,
      losses: change.losses,
      task: JSON.stringify(change.task),
    })
    .where('runId', '=', shard.runId)
    .where('stage', '=', shard.stage)
    .where('index', '=', shard.index)
    .execute()
  await deps.send(trx, shard.runId)
}

type Change =
  | { readonly kind: 'again'; readonly task: ShardTask; readonly losses: number; readonly event: string }
  | { readonly kind: 'failed'; readonly problem: string; readonly event: string }

function afterLoss({ task, stage, index, recordsIn }: LostShard, losses: number): Change {
  const name = `shard ${index + 1} of ${stage}`
  if (task.kind === 'records' && task.isolation !== undefined) {
    const { isolation, ...rest } = task
    const found = narrow(isolation, true)
    if (found === 'none')
      return { kind: 'again', task: rest, losses: 0, event: `Search in ${name} begins again` }
    if ('culprit' in found) {
      const poison = [...(task.poison ?? []), found.culprit].sort((a, b) => a - b)
      const event = `Record ${found.culprit + 1} of ${name} costs its worker and is quarantined`
      return { kind: 'again', task: { ...rest, poison }, losses: 0, event }
    }
    const { from, to } = tried(found.next)
    const event = `Searching ${name}: records ${from + 1} to ${to} are tried next`
    return { kind: 'again', task: { ...rest, isolation: found.next }, losses, event }
  }
  if (losses < mostLosses)
    return { kind: 'again', task, losses, event: `Lost the worker of ${name}, put back` }
  if (task.kind === 'records' && recordsIn > 0) {
    const event = `Lost the worker of ${name} again and again; searching the record to blame`
    return { kind: 'again', task: { ...task, isolation: wholeShard(recordsIn) }, losses, event }
  }
  const problem = `Shard ${index + 1} of ${stage} cost its worker ${mostLosses} times without getting on. The log has the details under this run's id; what was done is kept, and Resume tries again.`
  return { kind: 'failed', problem, event: `Lost the worker of ${name} again and again` }
}

/** The shard and with it the run have failed; what was done is kept. */
export async function failRun(
  trx: Trx,
  { runId, stage, index }: Pick<LostShard, 'runId' | 'stage' | 'index'>,
  now: Date,
  problem: string,
): Promise<void> {
  await trx
    .updateTable('shards')
    .set({ status: 'failed', workerId: null, finishedAt: now })
    .where('runId', '=', runId)
    .where('stage', '=', stage)
    .where('index', '=', index)
    .execute()
  await trx
    .updateTable('runs')
    .set({ status: 'failed', problem, finishedAt: now, version: sql`version + 1` })
    .where('id', '=', runId)
    .execute()
  await trx
    .updateTable('runStages')
    .set({ status: 'failed', finishedAt: now })
    .where('runId', '=', runId)
    .where('stage', '=', stage)
    .execute()
  await addEvent(trx, runId, now, 'failed', problem, { stage, index })
}
