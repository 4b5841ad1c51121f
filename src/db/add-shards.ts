import type { Stage } from '../domain/pipeline/run.ts'
import type { ShardTask } from '../domain/pipeline/shard.ts'
import type { Trx } from './run-events.ts'

/** Puts a hint on the queue inside a transaction: "look, this run has work". It may come twice, late or never. */
export type SendShard = (trx: Trx, runId: string, afterSeconds?: number) => Promise<void>

/** Adds shards to be worked; their records enter the stage when they are done. */
export async function addShards(
  trx: Trx,
  runId: string,
  stage: Stage,
  shards: readonly { readonly index: number; readonly task: ShardTask; readonly records?: number }[],
): Promise<void> {
  for (let start = 0; start < shards.length; start += 1_000) {
    const rows = shards.slice(start, start + 1_000).map(({ index, task, records = 0 }) => ({
      runId,
      stage,
      index,
      status: 'queued' as const,
      task: JSON.stringify(task),
      recordsIn: records,
    }))
    await trx.insertInto('shards').values(rows).execute()
  }
}
