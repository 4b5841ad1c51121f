import { sql } from 'kysely'
import { type RecordStage, recordStages } from '../domain/pipeline/process-records.ts'
import { isExact, type LedgerRow, type Stage, stages } from '../domain/pipeline/run.ts'
import type { ShardTask } from '../domain/pipeline/shard.ts'
import { addEvent, addShard, type SendShard, type Trx } from './runs.ts'

/**
 * Decides what follows after a shard of stage `after` is done: completes stages, queues the next, and at the end settles
 * whether the ledger sums. The caller holds the run's row lock, so two shards never decide at once.
 */
export async function advance(
  trx: Trx,
  deps: { readonly send: SendShard; readonly clock: () => Date },
  runId: string,
  after: Stage,
): Promise<void> {
  const run = await trx
    .selectFrom('runs')
    .select('configuration')
    .where('id', '=', runId)
    .executeTakeFirstOrThrow()
  const open = new Map<Stage, { total: number; undone: number }>()
  for (const row of await trx
    .selectFrom('shards')
    .select((eb) => [
      'stage',
      eb.fn.countAll<number>().as('total'),
      eb.fn.countAll<number>().filterWhere('status', '!=', 'done').as('undone'),
    ])
    .where('runId', '=', runId)
    .groupBy('stage')
    .execute()) {
    open.set(row.stage, { total: row.total, undone: row.undone })
  }
  const isDone = (stage: Stage) => open.get(stage)?.undone === 0
  const exists = (stage: Stage) => open.has(stage)

  if (!isDone('ingestion')) return
  await complete(trx, deps, runId, 'ingestion')

  if (run.configuration.mode === 'sequential') {
    for (const [position, stage] of recordStages.entries()) {
      if (!exists(stage)) {
        const before = recordStages[position - 1]
        if (before !== undefined && exists(before)) {
          await queueNextStage(trx, deps, runId, before, stage)
          return
        }
      } else if (!isDone(stage)) {
        if (after === 'ingestion') await sendQueued(trx, deps, runId, stage)
        return
      }
      await complete(trx, deps, runId, stage)
    }
  } else {
    if (exists('standardization') && !isDone('standardization')) return
    for (const stage of recordStages) await complete(trx, deps, runId, stage)
  }

  if (!exists('quality')) {
    await addShard(trx, runId, 'quality', 0, { kind: 'quality' })
    await deps.send(trx, { runId, stage: 'quality', index: 0 })
    return
  }
  if (!isDone('quality')) return
  await complete(trx, deps, runId, 'quality')
  if (!exists('export')) {
    await addShard(trx, runId, 'export', 0, { kind: 'export' })
    await deps.send(trx, { runId, stage: 'export', index: 0 })
    return
  }
  if (!isDone('export')) return
  await complete(trx, deps, runId, 'export')
  await settle(trx, deps, runId)
}

async function complete(
  trx: Trx,
  { clock }: { readonly clock: () => Date },
  runId: string,
  stage: Stage,
): Promise<void> {
  const now = clock()
  await trx
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
    .execute()
}

async function sendQueued(
  trx: Trx,
  { send }: { readonly send: SendShard },
  runId: string,
  stage: Stage,
): Promise<void> {
  const waiting = await trx
    .selectFrom('shards')
    .select('index')
    .where('runId', '=', runId)
    .where('stage', '=', stage)
    .where('status', '=', 'queued')
    .where('attempt', '=', 0)
    .orderBy('index')
    .execute()
  for (const { index } of waiting) await send(trx, { runId, stage, index })
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
  const following = done.filter((shard) => shard.result?.objectId !== undefined)
  for (const { index, task, result } of following) {
    if (task.kind !== 'records' || result?.objectId === undefined) continue
    const next: ShardTask = { ...task, stages: [stage], input: { kind: 'object', objectId: result.objectId } }
    await addShard(trx, runId, stage, index, next, result.records)
    await deps.send(trx, { runId, stage, index })
  }
  // Nothing came out of the stage before: go straight on.
  if (following.length === 0) {
    for (const later of recordStages.slice(recordStages.indexOf(stage)))
      await complete(trx, deps, runId, later)
    await addShard(trx, runId, 'quality', 0, { kind: 'quality' })
    await deps.send(trx, { runId, stage: 'quality', index: 0 })
  }
}

/** A run whose ledger does not sum exactly may not complete. */
async function settle(trx: Trx, { clock }: { readonly clock: () => Date }, runId: string): Promise<void> {
  const ledger = await readLedger(trx, runId)
  const wrong = ledger.filter((row) => !isExact(row)).map((row) => row.stage)
  const broken = ledger.find((row, position) => position > 0 && ledger[position - 1]?.out !== row.in)
  const now = clock()
  const problem =
    wrong.length === 0 && broken === undefined
      ? null
      : `The ledger of ${wrong[0] ?? broken?.stage} does not sum, so the run cannot complete. This is a fault of Signalbox: the exports must not be used.`
  await trx
    .updateTable('runs')
    .set({ status: problem === null ? 'completed' : 'failed', problem, finishedAt: now })
    .where('id', '=', runId)
    .execute()
  await addEvent(
    trx,
    runId,
    now,
    problem === null ? 'completed' : 'failed',
    problem ?? 'Completed; the ledger sums exactly',
  )
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
