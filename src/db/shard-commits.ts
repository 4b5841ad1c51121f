import { sql } from 'kysely'
import type { Cut } from '../domain/pipeline/ingest.ts'
import type { ExportOutcome, QualityOutcome, RecordsOutcome } from '../domain/pipeline/outcome.ts'
import { recordStages, type Stage, stages } from '../domain/pipeline/run.ts'
import type { IngestionCheckpoint, ShardResult, ShardTask } from '../domain/pipeline/shard.ts'
import { addShards } from './add-shards.ts'
import type { Claim } from './claim-shard.ts'
import { type CommitDeps, guarded, mine } from './guarded-commit.ts'
import { type Booking, quarantine } from './run-books.ts'
import { keptResult } from './stage-cache.ts'

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
    const shards = cuts.flatMap(({ content, input, shard, records }) => {
      if (content === undefined) return []
      const { datasetId, fileId, mapping } = input
      const stages = fused ? [...recordStages] : [recordStages[0]]
      const task: ShardTask = { kind: 'records', stages, input: content, datasetId, fileId, mapping }
      return [{ index: shard, task, records }]
    })
    await addShards(trx, claim.runId, 'standardization', shards)
    if (fused && shards.length > 0) await deps.send(trx, claim.runId)
    const unreadable = cuts.flatMap((cut) =>
      cut.quarantined.map((record) => ({ ...record, input: cut.input })),
    )
    const total = (of: (cut: Cut) => number) => cuts.reduce((sum, cut) => sum + of(cut), 0)
    const isSlice = (cut: Cut) => cut.content?.kind === 'slice'
    const read = total((cut) => (isSlice(cut) ? 0 : cut.records))
    return {
      stages: {
        ingestion: { in: total((cut) => cut.records) + unreadable.length, out: read },
        standardization: { in: read },
      },
      quarantined: await quarantine(trx, claim.runId, unreadable, ({ input }) => input),
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
    return { done: { result: { records: 0 } } }
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
    const stages: { -readonly [stage in Stage]?: { in?: number; out?: number } } = {}
    for (const { stage, out } of outcome.counts) {
      stages[stage] = { ...stages[stage], out }
      stages[stageAfter(stage)] = { in: out }
    }
    const result: ShardResult = {
      records: outcome.counts.at(-1)?.out ?? 0,
      ...(outcome.objectId === undefined ? {} : { objectId: outcome.objectId }),
      ...(outcome.sha256 === undefined ? {} : { sha256: outcome.sha256 }),
    }
    const kept = key === undefined || reusedRunId !== undefined ? undefined : keptResult(claim, key, outcome)
    // Of a slice: its units are read only now.
    const read = outcome.counts.find((count) => count.stage === 'ingestion')
    return {
      stages,
      quarantined: await quarantine(trx, runId, outcome.quarantined, () => task),
      findings: outcome.findings,
      scoreSum: outcome.scoreSum,
      scoreCount: outcome.scoreCount,
      unitsGrouped: read?.out ?? 0,
      unitsQuarantined: read === undefined ? 0 : read.in - read.out,
      done: { result, reusedRunId, kept },
    }
  })
}

const stageAfter = (stage: Stage): Stage => stages[stages.indexOf(stage) + 1] ?? 'export'

export const commitQuality = (deps: CommitDeps, claim: Claim, outcome: QualityOutcome): Promise<boolean> =>
  guarded(deps, claim, async (): Promise<Booking> => {
    const { out, rejected, duplicate, objectId, sha256 } = outcome
    return {
      stages: { quality: { out, rejected, duplicate }, export: { in: out } },
      reasons: [
        { stage: 'quality', reason: 'below-threshold', records: rejected },
        { stage: 'quality', reason: 'exact-duplicate', records: duplicate },
      ],
      done: { result: { records: out, objectId, sha256 } },
    }
  })

export const commitExport = (deps: CommitDeps, claim: Claim, outcome: ExportOutcome): Promise<boolean> =>
  guarded(deps, claim, async (trx) => {
    for (const { exportId, ...written } of outcome.exports) {
      await trx.updateTable('runExports').set(written).where('id', '=', exportId).execute()
    }
    return {
      stages: { export: { out: outcome.out } },
      quarantined: await quarantine(trx, claim.runId, outcome.quarantined, (record) => record),
      done: { result: { records: outcome.out } },
    }
  })

/**
 * How far the one shard of quality or export has come, while it is at work; counts as progress of the run.
 * @param records that it has read
 */
export const commitProgress = (deps: CommitDeps, claim: Claim, records: number): Promise<boolean> =>
  guarded(deps, claim, async (trx) => {
    await mine(trx, claim).set({ progress: records }).execute()
    return {}
  })
