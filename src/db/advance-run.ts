import { sql } from 'kysely'
import { differenceOf } from '../domain/pipeline/ledger.ts'
import { type LedgerRow, type RecordStage, recordStages, type Stage, stages } from '../domain/pipeline/run.ts'
import type { ShardTask } from '../domain/pipeline/shard.ts'
import { addShards, type SendShard } from './add-shards.ts'
import type { Claim } from './claim-shard.ts'
import { recordExports } from './export-audit.ts'
import { addEvent, type Trx } from './run-events.ts'

/**
 * Decides what follows after a shard is done: completes stages, queues the next, and at the end settles whether the
 * ledger sums. The caller holds the run's row lock, so two shards never decide at once.
 */
export async function advance(
  trx: Trx,
  deps: { readonly send: SendShard; readonly clock: () => Date },
  { runId, stage: after, configuration }: Pick<Claim, 'runId' | 'stage' | 'configuration'>,
): Promise<void> {
  // Asked after every shard, so one look at an index; the counts below are for the few that end a stage.
  const undone = await trx
    .selectFrom('shards')
    .select('index')
    .where('runId', '=', runId)
    .where('stage', 'in', ['ingestion', after])
    .where('status', '!=', 'done')
    .limit(1)
    .executeTakeFirst()
  if (undone) return
  const rows = await trx
    .selectFrom('shards')
    .select((eb) => ['stage', eb.fn.countAll<number>().filterWhere('status', '!=', 'done').as('undone')])
    .where('runId', '=', runId)
    .groupBy('stage')
    .execute()
  const exists = (stage: Stage) => rows.some((row) => row.stage === stage)
  const isDone = (stage: Stage) => rows.find((row) => row.stage === stage)?.undone === 0

  await complete(trx, deps, runId, 'ingestion')
  // Quality follows all of them, also when nothing came out of one and those after it never had a shard.
  if (configuration.mode === 'sequential' && !exists('quality')) {
    for (const [position, stage] of recordStages.entries()) {
      if (!exists(stage)) {
        const before = recordStages[position - 1]
        if (before !== undefined && exists(before)) {
          await queueNextStage(trx, deps, runId, before, stage)
          return
        }
      } else if (!isDone(stage)) {
        if (after === 'ingestion') await deps.send(trx, runId)
        return
      }
      await complete(trx, deps, runId, stage)
    }
  } else if (configuration.mode !== 'sequential') {
    if (exists('standardization') && !isDone('standardization')) return
    for (const stage of recordStages) await complete(trx, deps, runId, stage)
  }
  for (const stage of ['quality', 'export'] as const) {
    if (!exists(stage)) {
      await addShards(trx, runId, stage, [{ index: 0, task: { kind: stage } }])
      await deps.send(trx, runId)
      return
    }
    if (!isDone(stage)) return
    await complete(trx, deps, runId, stage)
  }
  await settle(trx, deps, runId)
}

async function complete(
  trx: Trx,
  { clock }: { readonly clock: () => Date },
  runId: string,
  stage: Stage,
): Promise<void> {
  const now = clock()
  const { numUpdatedRows } = await trx
    .updateTable('runStages')
    .set((eb) => ({
      status: 'completed',
      finishedAt: now,
      startedAt: eb.fn.coalesce('startedAt', eb.val(now)),
    }))
    .where('runId', '=', runId)
    .where('stage', '=', stage)
    .where('status', '!=', 'completed')
    // Ingestion has cut everything before the slices it cut are read.
    .where(sql<boolean>`(stage <> 'ingestion' or records_in = records_out + quarantined)`)
    .executeTakeFirst()
  if (numUpdatedRows > 0n)
    await addEvent(
      trx,
      runId,
      now,
      'stage-completed',
      `${stage.charAt(0).toUpperCase()}${stage.slice(1)} completed`,
      { stage },
    )
}

/** Sequential mode: every shard that came out of `before` enters `stage`. */
async function queueNextStage(
  trx: Trx,
  deps: { readonly send: SendShard; readonly clock: () => Date },
  runId: string,
  before: RecordStage,
  stage: RecordStage,
): Promise<void> {
  const done = await trx
    .selectFrom('shards')
    .select(['index', 'task', 'result'])
    .where('runId', '=', runId)
    .where('stage', '=', before)
    .orderBy('index')
    .execute()
  const following = done.flatMap(({ index, task, result }) => {
    if (task.kind !== 'records' || result?.objectId === undefined) return []
    const { objectId, sha256 } = result
    const stored = { objectId, ...(sha256 === undefined ? {} : { sha256 }) }
    // What was found to cost its worker stays behind in the stage before.
    const { poison: _, isolation: __, ...same } = task
    const next: ShardTask = { ...same, stages: [stage], input: { kind: 'object', ...stored } }
    return [{ index, task: next, records: result.records }]
  })
  await addShards(trx, runId, stage, following)
  // Nothing came out of the stage before: go straight on.
  if (following.length === 0) {
    for (const later of recordStages.slice(recordStages.indexOf(stage)))
      await complete(trx, deps, runId, later)
    await addShards(trx, runId, 'quality', [{ index: 0, task: { kind: 'quality' } }])
  }
  await deps.send(trx, runId)
}

/** A run whose books do not balance may not complete: it fails with the difference. The database refuses it as well. */
async function settle(trx: Trx, { clock }: { readonly clock: () => Date }, runId: string): Promise<void> {
  const units = await trx
    .selectFrom('runs')
    .select(['unitsIn as in', 'unitsGrouped as grouped', 'unitsQuarantined as quarantined'])
    .where('id', '=', runId)
    .executeTakeFirstOrThrow()
  const difference = differenceOf(await readLedger(trx, runId), units)
  const now = clock()
  const problem =
    difference === undefined
      ? null
      : `The books do not balance, so the run cannot complete: ${difference}. This is a fault of Signalbox: the exports must not be used.`
  await trx
    .updateTable('runs')
    .set({ status: problem === null ? 'completed' : 'failed', problem, finishedAt: now })
    .where('id', '=', runId)
    .execute()
  const kind = problem === null ? 'completed' : 'failed'
  await recordExports(trx, runId, problem === null ? 'allowed' : 'failed')
  await addEvent(trx, runId, now, kind, problem ?? 'Completed; the ledger sums exactly')
}

/** The ledger of a run, in the order of its stages. */
export async function readLedger(trx: Pick<Trx, 'selectFrom'>, runId: string): Promise<LedgerRow[]> {
  const rows = await trx.selectFrom('runStages').selectAll().where('runId', '=', runId).execute()
  const reasons = await trx.selectFrom('runReasons').selectAll().where('runId', '=', runId).execute()
  return stages.flatMap((stage) => {
    const row = rows.find((candidate) => candidate.stage === stage)
    if (!row) return []
    const { recordsIn, recordsOut, quarantined, rejected, duplicate } = row
    return [
      {
        stage,
        in: recordsIn,
        out: recordsOut,
        quarantined,
        rejected,
        duplicate,
        reasons: Object.fromEntries(
          reasons.filter((reason) => reason.stage === stage).map(({ reason, records }) => [reason, records]),
        ),
      },
    ]
  })
}
