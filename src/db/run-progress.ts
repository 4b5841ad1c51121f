import type { Kysely } from 'kysely'
import type { RunStatus, Stage, StageStatus } from '../domain/pipeline/run.ts'
import type { Database } from './schema.ts'

/** How far a run is, in few numbers: asked ten times a second by who waits for it. */
export interface RunProgress {
  readonly status: RunStatus
  readonly bytesRead: number
  readonly sourceBytes: number
  /** In order; `progress` counts records of shards that are still worked. */
  readonly stages: readonly {
    readonly stage: Stage
    readonly status: StageStatus
    readonly recordsIn: number
    readonly recordsOut: number
    readonly progress: number
  }[]
}

export async function readRunProgress(db: Kysely<Database>, runId: string): Promise<RunProgress> {
  const run = await db
    .selectFrom('runs')
    .select(['status', 'bytesRead', 'sourceBytes'])
    .where('id', '=', runId)
    .executeTakeFirstOrThrow()
  const stages = await db
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
  return { ...run, stages: stages.map((row) => ({ ...row, progress: Number(row.progress ?? 0) })) }
}
