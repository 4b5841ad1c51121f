import { type Kysely, sql } from 'kysely'
import type { Cut } from '../domain/pipeline/ingest.ts'
import type {
  ExportOutcome,
  QualityOutcome,
  Quarantined,
  RecordsOutcome,
} from '../domain/pipeline/outcome.ts'
import { recordStages } from '../domain/pipeline/process-records.ts'
import { type Stage, stages } from '../domain/pipeline/run.ts'
import type { ShardResult, ShardTask } from '../domain/pipeline/shard.ts'
import { advance } from './advance-run.ts'
import { addEvent, addShard, type SendShard, type ShardHint, type Trx } from './runs.ts'
import type { Database } from './schema.ts'

/** A shard this process works on; `attempt` is its fencing token. */
export interface Claim extends ShardHint {
  readonly attempt: number
  readonly task: ShardTask
}

export interface CommitDeps {
  readonly db: Kysely<Database>
  readonly send: SendShard
  readonly clock: () => Date
}

/** Takes a queued shard for this worker, or answers undefined when someone else has it or the run has ended. */
export async function claimShard(
  { db, clock }: CommitDeps,
  { runId, stage, index }: ShardHint,
  workerId: number,
): Promise<Claim | undefined> {
  return db.transaction().execute(async (trx) => {
    const now = clock()
    const row = await trx
      .updateTable('shards')
      .set({ status: 'working', attempt: sql`attempt + 1`, workerId, claimedAt: now })
      .where('runId', '=', runId)
      .where('stage', '=', stage)
      .where('index', '=', index)
      .where('status', '=', 'queued')
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('runs')
            .select('id')
            .where('id', '=', runId)
            .where('status', 'in', ['queued', 'running']),
        ),
      )
      .returning(['attempt', 'task'])
      .executeTakeFirst()
    if (!row) return undefined
    await trx
      .updateTable('runs')
      .set((eb) => ({ status: 'running', startedAt: eb.fn.coalesce('startedAt', sql.val(now)) }))
      .where('id', '=', runId)
      .where('status', '=', 'queued')
      .execute()
    const starting: Stage[] = row.task.kind === 'records' ? [...row.task.stages] : [stage]
    await trx
      .updateTable('runStages')
      .set((eb) => ({ status: 'running', startedAt: eb.fn.coalesce('startedAt', sql.val(now)) }))
      .where('runId', '=', runId)
      .where('stage', 'in', starting)
      .where('status', '=', 'queued')
      .execute()
    return { runId, stage, index, attempt: row.attempt, task: row.task }
  })
}

/**
 * One cut of ingestion: new checkpoint, ledger, quarantine, the shard that follows and its job, in one transaction
 * guarded by the attempt. Answers false when this attempt was overtaken or the run has ended: then nothing changed.
 */
export function commitCut(deps: CommitDeps, claim: Claim, cut: Cut, fused: boolean): Promise<boolean> {
  return guarded(deps, claim, async (trx) => {
    const { task } = claim
    if (task.kind !== 'ingestion') throw new Error('only ingestion cuts')
    const next: ShardTask = { ...task, checkpoint: cut.checkpoint }
    const isRead = cut.content?.kind !== 'slice'
    await mine(trx, claim)
      .set({ task: JSON.stringify(next) })
      .execute()
    await trx
      .updateTable('runs')
      .set({
        unitsIn: sql`units_in + ${isRead ? cut.unitsGrouped + cut.unitsQuarantined : cut.records}`,
        unitsGrouped: sql`units_grouped + ${cut.unitsGrouped}`,
        unitsQuarantined: sql`units_quarantined + ${cut.unitsQuarantined}`,
        bytesRead: sql`bytes_read + ${cut.sourceBytes}`,
      })
      .where('id', '=', claim.runId)
      .execute()
    await addToStage(trx, claim.runId, 'ingestion', {
      in: cut.records + cut.quarantined.length,
      out: isRead ? cut.records : 0,
    })
    if (isRead) await addToStage(trx, claim.runId, 'standardization', { in: cut.records })
    await quarantine(trx, claim.runId, cut.quarantined, () => cut.input)
    if (cut.content === undefined) return
    const shardTask: ShardTask = {
      kind: 'records',
      stages: fused ? [...recordStages] : ['standardization'],
      input: cut.content,
      datasetId: cut.input.datasetId,
      fileId: cut.input.fileId,
      mapping: cut.input.mapping,
    }
    await addShard(trx, claim.runId, 'standardization', cut.shard, shardTask, cut.records)
    if (fused) await deps.send(trx, { runId: claim.runId, stage: 'standardization', index: cut.shard })
  })
}

/** Ingestion has read everything. */
export const commitIngestion = (deps: CommitDeps, claim: Claim): Promise<boolean> =>
  guarded(deps, claim, async (trx) => finish(trx, deps, claim, { records: 0 }))

/** One shard through standardization, validation and processing, or one of them. */
export function commitRecords(deps: CommitDeps, claim: Claim, outcome: RecordsOutcome): Promise<boolean> {
  return guarded(deps, claim, async (trx) => {
    const { task, runId } = claim
    if (task.kind !== 'records') throw new Error('not a shard of records')
    for (const count of outcome.counts) {
      await addToStage(trx, runId, count.stage, { out: count.out })
      await addToStage(trx, runId, stageAfter(count.stage), { in: count.out })
    }
    await quarantine(trx, runId, outcome.quarantined, () => task)
    const read = outcome.counts.find((count) => count.stage === 'ingestion')
    await trx
      .updateTable('runs')
      .set({
        scoreSum: sql`score_sum + ${outcome.scoreSum}`,
        scoreCount: sql`score_count + ${outcome.scoreCount}`,
        // Of a slice: its units are read only now.
        unitsGrouped: sql`units_grouped + ${read?.out ?? 0}`,
        unitsQuarantined: sql`units_quarantined + ${read === undefined ? 0 : read.in - read.out}`,
      })
      .where('id', '=', runId)
      .execute()
    const findings = Object.entries(outcome.findings)
    if (findings.length > 0) {
      await trx
        .insertInto('runFindings')
        .values(findings.map(([rule, count]) => ({ runId, rule, findings: count })))
        .onConflict((conflict) =>
          conflict
            .columns(['runId', 'rule'])
            .doUpdateSet({ findings: sql`run_findings.findings + excluded.findings` }),
        )
        .execute()
    }
    await finish(trx, deps, claim, {
      records: outcome.counts.at(-1)?.out ?? 0,
      ...(outcome.objectId === undefined ? {} : { objectId: outcome.objectId }),
      ...(outcome.sha256 === undefined ? {} : { sha256: outcome.sha256 }),
    })
  })
}

export function commitQuality(deps: CommitDeps, claim: Claim, outcome: QualityOutcome): Promise<boolean> {
  return guarded(deps, claim, async (trx) => {
    const { runId } = claim
    await trx
      .updateTable('runStages')
      .set({ recordsOut: outcome.out, rejected: outcome.rejected, duplicate: outcome.duplicate })
      .where('runId', '=', runId)
      .where('stage', '=', 'quality')
      .execute()
    await addReasons(trx, runId, 'quality', {
      'below-threshold': outcome.rejected,
      'exact-duplicate': outcome.duplicate,
    })
    await addToStage(trx, runId, 'export', { in: outcome.out })
    const { objectId, sha256 } = outcome
    await finish(trx, deps, claim, { records: outcome.out, objectId, sha256 })
  })
}

export function commitExport(deps: CommitDeps, claim: Claim, outcome: ExportOutcome): Promise<boolean> {
  return guarded(deps, claim, async (trx) => {
    const { runId } = claim
    await addToStage(trx, runId, 'export', { out: outcome.out })
    for (const { exportId, ...written } of outcome.exports) {
      await trx.updateTable('runExports').set(written).where('id', '=', exportId).execute()
    }
    await quarantine(trx, runId, outcome.quarantined, (record) => record)
    await finish(trx, deps, claim, { records: outcome.out })
  })
}

/**
 * A handler threw. Back on the queue up to three times where trying again can help; else the shard and with it
 * the run have failed. `problem` is a sentence of ours, never the error's own message: that may quote a record.
 */
export function commitFailure(
  deps: CommitDeps,
  claim: Claim,
  { problem, retry }: { problem: string; retry: boolean },
): Promise<boolean> {
  return guarded(deps, claim, async (trx) => {
    const row = await trx
      .selectFrom('shards')
      .select('failures')
      .where('runId', '=', claim.runId)
      .where('stage', '=', claim.stage)
      .where('index', '=', claim.index)
      .executeTakeFirstOrThrow()
    const now = deps.clock()
    if (retry && row.failures < 3) {
      await mine(trx, claim)
        .set({ status: 'queued', failures: row.failures + 1, workerId: null })
        .execute()
      await deps.send(trx, claim, 2 ** row.failures)
      return
    }
    await mine(trx, claim).set({ status: 'failed', workerId: null, finishedAt: now }).execute()
    await trx
      .updateTable('runs')
      .set({ status: 'failed', problem, finishedAt: now })
      .where('id', '=', claim.runId)
      .execute()
    await trx
      .updateTable('runStages')
      .set({ status: 'failed', finishedAt: now })
      .where('runId', '=', claim.runId)
      .where('stage', '=', claim.stage)
      .execute()
    await addEvent(trx, claim.runId, now, 'failed', problem)
  })
}

/** Runs `work` under the run's row lock, if this attempt still holds the shard and the run is alive. */
async function guarded(deps: CommitDeps, claim: Claim, work: (trx: Trx) => Promise<void>): Promise<boolean> {
  return deps.db.transaction().execute(async (trx) => {
    const run = await trx
      .selectFrom('runs')
      .select('status')
      .where('id', '=', claim.runId)
      .forUpdate()
      .executeTakeFirst()
    if (run?.status !== 'running') return false
    const held = await trx
      .selectFrom('shards')
      .select('attempt')
      .where('runId', '=', claim.runId)
      .where('stage', '=', claim.stage)
      .where('index', '=', claim.index)
      .where('status', '=', 'working')
      .where('attempt', '=', claim.attempt)
      .executeTakeFirst()
    if (!held) return false
    await work(trx)
    await trx
      .updateTable('runs')
      .set({ version: sql`version + 1`, lastProgressAt: deps.clock() })
      .where('id', '=', claim.runId)
      .execute()
    return true
  })
}

const stageAfter = (stage: Stage): Stage => stages[stages.indexOf(stage) + 1] ?? 'export'

const mine = (trx: Trx, claim: Claim) =>
  trx
    .updateTable('shards')
    .where('runId', '=', claim.runId)
    .where('stage', '=', claim.stage)
    .where('index', '=', claim.index)
    .where('attempt', '=', claim.attempt)

async function finish(trx: Trx, deps: CommitDeps, claim: Claim, result: ShardResult): Promise<void> {
  const now = deps.clock()
  await mine(trx, claim)
    .set({
      status: 'done',
      workerId: null,
      result: JSON.stringify(result),
      finishedAt: now,
      durationMs: sql`extract(epoch from (${now}::timestamptz - claimed_at)) * 1000`,
    })
    .execute()
  await advance(trx, deps, claim.runId, claim.stage)
}

async function addToStage(
  trx: Trx,
  runId: string,
  stage: Stage,
  counts: { in?: number; out?: number },
): Promise<void> {
  await trx
    .updateTable('runStages')
    .set({
      recordsIn: sql`records_in + ${counts.in ?? 0}`,
      recordsOut: sql`records_out + ${counts.out ?? 0}`,
    })
    .where('runId', '=', runId)
    .where('stage', '=', stage)
    .execute()
}

async function quarantine<T extends Quarantined>(
  trx: Trx,
  runId: string,
  records: readonly T[],
  whose: (record: T) => { datasetId: string; fileId: string },
): Promise<void> {
  const byStage = new Map<Stage, Record<string, number>>()
  for (let start = 0; start < records.length; start += 1_000) {
    const rows = records.slice(start, start + 1_000).map((record) => {
      const reasons = byStage.get(record.stage) ?? {}
      reasons[record.reason] = (reasons[record.reason] ?? 0) + 1
      byStage.set(record.stage, reasons)
      const { stage, reason, ordinal, unit, line, byteOffset } = record
      const { datasetId, fileId } = whose(record)
      return { runId, stage, reason, ordinal, unit, line, byteOffset, datasetId, fileId }
    })
    await trx.insertInto('quarantine').values(rows).execute()
  }
  for (const [stage, reasons] of byStage) {
    const total = Object.values(reasons).reduce((sum, count) => sum + count, 0)
    await trx
      .updateTable('runStages')
      .set({ quarantined: sql`quarantined + ${total}` })
      .where('runId', '=', runId)
      .where('stage', '=', stage)
      .execute()
    await addReasons(trx, runId, stage, reasons)
  }
}

async function addReasons(
  trx: Trx,
  runId: string,
  stage: Stage,
  reasons: Readonly<Record<string, number>>,
): Promise<void> {
  const rows = Object.entries(reasons)
    .filter(([, records]) => records > 0)
    .map(([reason, records]) => ({ runId, stage, reason, records }))
  if (rows.length === 0) return
  await trx
    .insertInto('runReasons')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['runId', 'stage', 'reason'])
        .doUpdateSet({ records: sql`run_reasons.records + excluded.records` }),
    )
    .execute()
}
