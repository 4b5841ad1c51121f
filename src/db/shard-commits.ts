import { type Kysely, sql } from 'kysely'
import type { Cut } from '../domain/pipeline/ingest.ts'
import { narrow, threadLoss } from '../domain/pipeline/isolate.ts'
import type {
  ExportOutcome,
  QualityOutcome,
  Quarantined,
  RecordsOutcome,
} from '../domain/pipeline/outcome.ts'
import { recordStages } from '../domain/pipeline/process-records.ts'
import { type Stage, stages } from '../domain/pipeline/run.ts'
import type { IngestionCheckpoint, ShardResult, ShardTask } from '../domain/pipeline/shard.ts'
import { advance } from './advance-run.ts'
import type { Claim } from './claim-shard.ts'
import { failRun, loseShard } from './lose-shard.ts'
import { addEvent, type EventKind, type Trx } from './run-events.ts'
import { addShards, type SendShard } from './runs.ts'
import type { Database } from './schema.ts'
import { type KeptResult, keptResult } from './stage-cache.ts'

export interface CommitDeps {
  readonly db: Kysely<Database>
  readonly send: SendShard
  readonly clock: () => Date
}

/**
 * Cuts of ingestion: new checkpoint, ledger, quarantine, the shards that follow and a hint, in one transaction guarded
 * by the attempt. Answers false when this attempt was overtaken or the run has ended: then nothing changed.
 */
export function commitCuts(deps: CommitDeps, claim: Claim, cuts: readonly Cut[]): Promise<boolean> {
  const fused = claim.configuration.mode !== 'sequential'
  return guarded(deps, claim, async (trx) => {
    const last = cuts.at(-1)
    if (claim.task.kind !== 'ingestion' || last === undefined) throw new Error('only ingestion cuts')
    const first = last.shard - cuts.length + 1
    const { numUpdatedRows } = await mine(trx, claim)
      .set({
        task: sql`jsonb_set(task, '{checkpoint}', ${JSON.stringify(last.checkpoint)}::jsonb)`,
        losses: 0,
      })
      .where(nextCut, '=', first)
      .executeTakeFirst()
    const isGapless = cuts.every((cut, position) => cut.shard === first + position)
    if (numUpdatedRows !== 1n || !isGapless) throw new Error('a cut of ingestion is missing')
    const total = (of: (cut: Cut) => number) => cuts.reduce((sum, cut) => sum + of(cut), 0)
    const isSlice = (cut: Cut) => cut.content?.kind === 'slice'
    const read = total((cut) => (isSlice(cut) ? 0 : cut.records))
    await addToStages(trx, claim.runId, {
      ingestion: { in: total((cut) => cut.records + cut.quarantined.length), out: read },
      standardization: { in: read },
    })
    for (const cut of cuts) await quarantine(trx, claim.runId, cut.quarantined, () => cut.input)
    const shards = cuts.flatMap(({ content, input, shard, records }) => {
      if (content === undefined) return []
      const { datasetId, fileId, mapping } = input
      const stages = fused ? [...recordStages] : [recordStages[0]]
      const task: ShardTask = { kind: 'records', stages, input: content, datasetId, fileId, mapping }
      return [{ index: shard, task, records }]
    })
    await addShards(trx, claim.runId, 'standardization', shards)
    if (fused && shards.length > 0) await deps.send(trx, claim.runId)
    return {
      unitsIn: total((cut) => (isSlice(cut) ? cut.records : cut.unitsGrouped + cut.unitsQuarantined)),
      unitsGrouped: total((cut) => cut.unitsGrouped),
      unitsQuarantined: total((cut) => cut.unitsQuarantined),
      bytesRead: total((cut) => cut.sourceBytes),
    }
  })
}

/**
 * Ingestion has read everything, up to `end`.
 * @throws Error when a cut before it was not committed: the ledger would sum without its records
 */
export const commitIngestion = (deps: CommitDeps, claim: Claim, end: IngestionCheckpoint): Promise<boolean> =>
  guarded(deps, claim, async (trx) => {
    const { numUpdatedRows } = await mine(trx, claim)
      .set({ workerId: sql`worker_id` })
      .where(nextCut, '=', end.shard)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) throw new Error('a cut of ingestion was never committed')
    await finish(trx, deps, claim, { records: 0 })
    return {}
  })

/** Cuts follow each other without a gap: the number the next one must have. */
const nextCut = sql<number>`(task #>> '{checkpoint,shard}')::integer`

/**
 * One shard through standardization, validation and processing, or one of them.
 * @param cached the name of the result in the stage cache, and the run it was taken from when it was there
 */
export function commitRecords(
  deps: CommitDeps,
  claim: Claim,
  outcome: RecordsOutcome,
  cached: { readonly key?: string; readonly reusedRunId?: string },
): Promise<boolean> {
  return guarded(deps, claim, async (trx) => {
    const { task, runId } = claim
    if (task.kind !== 'records') throw new Error('not a shard of records')
    const { key, reusedRunId } = cached
    const counts: StageCounts = {}
    for (const { stage, out } of outcome.counts) {
      counts[stage] = { ...counts[stage], out }
      counts[stageAfter(stage)] = { in: out }
    }
    await addToStages(trx, runId, counts)
    await quarantine(trx, runId, outcome.quarantined, () => task)
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
    const result: ShardResult = {
      records: outcome.counts.at(-1)?.out ?? 0,
      ...(outcome.objectId === undefined ? {} : { objectId: outcome.objectId }),
      ...(outcome.sha256 === undefined ? {} : { sha256: outcome.sha256 }),
    }
    const kept = key === undefined || reusedRunId !== undefined ? undefined : keptResult(claim, key, outcome)
    await finish(trx, deps, claim, result, { reusedRunId, kept })
    // Of a slice: its units are read only now.
    const read = outcome.counts.find((count) => count.stage === 'ingestion')
    return {
      scoreSum: outcome.scoreSum,
      scoreCount: outcome.scoreCount,
      unitsGrouped: read?.out ?? 0,
      unitsQuarantined: read === undefined ? 0 : read.in - read.out,
    }
  })
}

export function commitQuality(deps: CommitDeps, claim: Claim, outcome: QualityOutcome): Promise<boolean> {
  return guarded(deps, claim, async (trx) => {
    const { runId } = claim
    const { out, rejected, duplicate, objectId, sha256 } = outcome
    await addToStages(trx, runId, { quality: { out, rejected, duplicate }, export: { in: out } })
    await addReasons(trx, runId, 'quality', { 'below-threshold': rejected, 'exact-duplicate': duplicate })
    await finish(trx, deps, claim, { records: out, objectId, sha256 })
    return {}
  })
}

export function commitExport(deps: CommitDeps, claim: Claim, outcome: ExportOutcome): Promise<boolean> {
  return guarded(deps, claim, async (trx) => {
    const { runId } = claim
    await addToStages(trx, runId, { export: { out: outcome.out } })
    for (const { exportId, ...written } of outcome.exports) {
      await trx.updateTable('runExports').set(written).where('id', '=', exportId).execute()
    }
    await quarantine(trx, runId, outcome.quarantined, (record) => record)
    await finish(trx, deps, claim, { records: outcome.out })
    return {}
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
    const { failures } = claim
    const now = deps.clock()
    if (retry && failures < mostRetries) {
      const seconds = 2 ** failures
      const notBefore = new Date(now.getTime() + seconds * 1_000)
      await mine(trx, claim)
        .set({ status: 'queued', failures: failures + 1, workerId: null, notBefore })
        .execute()
      const message = `Shard ${claim.index + 1} failed; retry ${failures + 1} of ${mostRetries} in ${seconds} s`
      await addEvent(trx, claim.runId, now, 'retry', message, claim)
      await deps.send(trx, claim.runId, seconds)
    } else await failRun(trx, claim, now, problem)
    return {}
  })
}

const mostRetries = 3

/** The thread was lost over the shard: out of memory, or out of time. */
export const commitLoss = (deps: CommitDeps, claim: Claim, how: string): Promise<boolean> =>
  guarded(deps, claim, async (trx) => {
    await loseShard(trx, deps, claim, threadLoss, how)
    return {}
  })

/** The records that were tried did not cost the worker: the search goes on with the others. */
export const commitProbe = (deps: CommitDeps, claim: Claim): Promise<boolean> =>
  guarded(deps, claim, async (trx) => {
    const { task, runId, failures } = claim
    if (task.kind !== 'records' || task.isolation === undefined) throw new Error('not a search')
    const { isolation, ...rest } = task
    const found = narrow(isolation, false)
    const now = deps.clock()
    if (found !== 'none' && 'next' in found) {
      const next = { ...rest, isolation: found.next }
      await mine(trx, claim)
        .set({ status: 'queued', workerId: null, task: JSON.stringify(next) })
        .execute()
    } else if (failures < mostRetries) {
      const message = `No record of shard ${claim.index + 1} alone costs its worker; it is tried again as a whole`
      await addEvent(trx, runId, now, 'retry', message, claim)
      await mine(trx, claim)
        .set({
          status: 'queued',
          workerId: null,
          losses: 0,
          failures: failures + 1,
          task: JSON.stringify(rest),
        })
        .execute()
    } else {
      await failRun(
        trx,
        claim,
        now,
        `Shard ${claim.index + 1} of ${claim.stage} costs its worker, and no record alone is to blame. It may take more memory or time than a worker has; the log has the details under this run's id.`,
      )
    }
    await deps.send(trx, runId)
    return {}
  })

/** Put back, neither a retry nor a loss: this process ends, or cannot go on now. */
export const commitRelease = (deps: CommitDeps, claim: Claim, afterSeconds = 0): Promise<boolean> =>
  guarded(deps, claim, async (trx) => {
    const notBefore = afterSeconds === 0 ? null : new Date(deps.clock().getTime() + afterSeconds * 1_000)
    await mine(trx, claim).set({ status: 'queued', workerId: null, notBefore }).execute()
    await deps.send(trx, claim.runId, afterSeconds === 0 ? undefined : afterSeconds)
    return {}
  })

/** What a commit adds to the totals of its run. */
interface RunTotals {
  readonly unitsIn?: number
  readonly unitsGrouped?: number
  readonly unitsQuarantined?: number
  readonly bytesRead?: number
  readonly scoreSum?: number
  readonly scoreCount?: number
}

/**
 * Runs `work` under the run's row lock, if this attempt still holds the shard and the run is alive. The lock leaves the
 * key alone: a claim writes an event, which refers to the run, while it holds the stages that a commit wants.
 */
async function guarded(
  deps: CommitDeps,
  claim: Claim,
  work: (trx: Trx) => Promise<RunTotals>,
): Promise<boolean> {
  return deps.db.transaction().execute(async (trx) => {
    const held = await trx
      .selectFrom('runs')
      .innerJoin('shards', 'shards.runId', 'runs.id')
      .select('runs.id')
      .where('runs.id', '=', claim.runId)
      .where('runs.status', '=', 'running')
      .where('shards.stage', '=', claim.stage)
      .where('shards.index', '=', claim.index)
      .where('shards.status', '=', 'working')
      .where('shards.attempt', '=', claim.attempt)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (!held) return false
    const add = await work(trx)
    await trx
      .updateTable('runs')
      .set({
        version: sql`version + 1`,
        lastProgressAt: deps.clock(),
        unitsIn: sql`units_in + ${add.unitsIn ?? 0}`,
        unitsGrouped: sql`units_grouped + ${add.unitsGrouped ?? 0}`,
        unitsQuarantined: sql`units_quarantined + ${add.unitsQuarantined ?? 0}`,
        bytesRead: sql`bytes_read + ${add.bytesRead ?? 0}`,
        scoreSum: sql`score_sum + ${add.scoreSum ?? 0}`,
        scoreCount: sql`score_count + ${add.scoreCount ?? 0}`,
      })
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

/** The shard is done, its event is written and its result kept for later runs: one statement, because it ends every shard. */
async function finish(
  trx: Trx,
  deps: CommitDeps,
  claim: Claim,
  result: ShardResult,
  {
    reusedRunId,
    kept,
  }: { readonly reusedRunId?: string | undefined; readonly kept?: KeptResult | undefined } = {},
): Promise<void> {
  const now = deps.clock()
  const { runId, stage, index: shard } = claim
  const of = reusedRunId === undefined ? '' : `, taken over from ${reusedRunId}`
  const message = `Shard ${shard + 1} of ${stage} done, ${result.records} records${of}`
  const kind: EventKind = reusedRunId === undefined ? 'done' : 'reused'
  const done = trx
    .with('done', () =>
      mine(trx, claim).set({
        status: 'done',
        workerId: null,
        result: JSON.stringify(result),
        finishedAt: now,
        durationMs: sql`extract(epoch from (${now}::timestamptz - claimed_at)) * 1000`,
        reusedRunId: reusedRunId ?? null,
      }),
    )
    .with('said', (cte) =>
      cte.insertInto('runEvents').values({ runId, at: now, kind, message, stage, shard }),
    )
  if (kept === undefined) await done.selectNoFrom(sql<number>`1`.as('one')).execute()
  else {
    // The first result of a name stays.
    const row = { ...kept, runId, createdAt: now }
    await done
      .insertInto('shardResults')
      .values(row)
      .onConflict((conflict) => conflict.columns(['keyOwner', 'cacheKey']).doNothing())
      .execute()
  }
  await advance(trx, deps, claim)
}

type StageCounts = {
  [stage in Stage]?: { in?: number; out?: number; rejected?: number; duplicate?: number }
}

async function addToStages(trx: Trx, runId: string, counts: StageCounts): Promise<void> {
  const rows = Object.entries(counts).map(
    ([stage, add]) =>
      sql`(${stage}::text, ${add.in ?? 0}::bigint, ${add.out ?? 0}::bigint, ${add.rejected ?? 0}::bigint, ${add.duplicate ?? 0}::bigint)`,
  )
  await sql`
    update run_stages set
      records_in = run_stages.records_in + added.records_in,
      records_out = run_stages.records_out + added.records_out,
      rejected = run_stages.rejected + added.rejected,
      duplicate = run_stages.duplicate + added.duplicate
    from (values ${sql.join(rows)}) as added (stage, records_in, records_out, rejected, duplicate)
    where run_stages.run_id = ${runId} and run_stages.stage = added.stage`.execute(trx)
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
