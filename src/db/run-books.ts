import { type RawBuilder, sql } from 'kysely'
import type { Quarantined } from '../domain/pipeline/outcome.ts'
import type { Stage } from '../domain/pipeline/run.ts'
import type { ShardResult } from '../domain/pipeline/shard.ts'
import type { Claim } from './claim-shard.ts'
import type { EventKind, Trx } from './run-events.ts'
import type { KeptResult } from './stage-cache.ts'

/** Records that a commit adds to the ledger of one stage. */
interface StageCounts {
  readonly in?: number
  readonly out?: number
  readonly quarantined?: number
  readonly rejected?: number
  readonly duplicate?: number
}

/** What a commit writes into the books of its run; what is not there stays as it is. */
export interface Booking {
  readonly unitsIn?: number
  readonly unitsGrouped?: number
  readonly unitsQuarantined?: number
  readonly bytesRead?: number
  /** In thousandths. */
  readonly scoreSum?: number
  readonly scoreCount?: number
  readonly stages?: { readonly [stage in Stage]?: StageCounts }
  readonly quarantined?: QuarantineCounts
  readonly findings?: Readonly<Record<string, number>>
  /** Why records did not come out, beside those in quarantine. */
  readonly reasons?: readonly ReasonCount[]
  /** The shard is done. */
  readonly done?: DoneShard
}

interface ReasonCount {
  readonly stage: Stage
  readonly reason: string
  readonly records: number
}

/** Records by stage and reason, whose rows are in quarantine already. */
export type QuarantineCounts = readonly ReasonCount[]

export interface DoneShard {
  readonly result: ShardResult
  /** The run whose stored result it is. */
  readonly reusedRunId?: string | undefined
  /** Kept under this name for later runs. */
  readonly kept?: KeptResult | undefined
}

/**
 * Writes a booking in one statement, because every shard ends with one and each statement is a round trip while the
 * run's row is locked. The caller holds that lock and the shard.
 * @param isProgress whether the run got on; a shard that is only put back does not count
 */
export async function writeBooks(
  trx: Trx,
  claim: Pick<Claim, 'runId' | 'stage' | 'index' | 'attempt'>,
  now: Date,
  booking: Booking,
  isProgress: boolean,
): Promise<void> {
  const { runId } = claim
  const { quarantined = [], findings = {}, done } = booking
  const reasons = [...quarantined, ...(booking.reasons ?? [])].filter(({ records }) => records > 0)
  const parts = [
    sql`totals as (
      update runs set version = version + 1,
        last_progress_at = case when ${isProgress} then ${now} else last_progress_at end,
        units_in = units_in + ${booking.unitsIn ?? 0},
        units_grouped = units_grouped + ${booking.unitsGrouped ?? 0},
        units_quarantined = units_quarantined + ${booking.unitsQuarantined ?? 0},
        bytes_read = bytes_read + ${booking.bytesRead ?? 0},
        score_sum = score_sum + ${booking.scoreSum ?? 0},
        score_count = score_count + ${booking.scoreCount ?? 0}
      where id = ${runId})`,
    ...stageParts(runId, booking.stages ?? {}, quarantined),
    ...countParts('run_findings', ['rule', 'findings'], runId, Object.entries(findings)),
    ...countParts(
      'run_reasons',
      ['stage', 'reason', 'records'],
      runId,
      reasons.map(({ stage, reason, records }) => [stage, reason, records]),
    ),
    ...(done === undefined ? [] : doneParts(claim, now, done)),
  ]
  await sql`with ${sql.join(parts)} select`.execute(trx)
}

function stageParts(
  runId: string,
  counts: NonNullable<Booking['stages']>,
  quarantined: QuarantineCounts,
): RawBuilder<unknown>[] {
  const byStage = new Map<string, StageCounts>(Object.entries(counts))
  for (const { stage, records } of quarantined) {
    const known = byStage.get(stage)
    byStage.set(stage, { ...known, quarantined: (known?.quarantined ?? 0) + records })
  }
  if (byStage.size === 0) return []
  const rows = [...byStage].map(
    ([stage, add]) =>
      sql`(${stage}::text, ${add.in ?? 0}::bigint, ${add.out ?? 0}::bigint, ${add.quarantined ?? 0}::bigint, ${add.rejected ?? 0}::bigint, ${add.duplicate ?? 0}::bigint)`,
  )
  return [
    sql`stages as (
      update run_stages set
        records_in = run_stages.records_in + added.records_in,
        records_out = run_stages.records_out + added.records_out,
        quarantined = run_stages.quarantined + added.quarantined,
        rejected = run_stages.rejected + added.rejected,
        duplicate = run_stages.duplicate + added.duplicate
      from (values ${sql.join(rows)}) as added (stage, records_in, records_out, quarantined, rejected, duplicate)
      where run_stages.run_id = ${runId} and run_stages.stage = added.stage)`,
  ]
}

/** Adds to counters that are rows: the last column is the count, the others name it. */
function countParts(
  table: 'run_findings' | 'run_reasons',
  columns: readonly string[],
  runId: string,
  rows: readonly (readonly (string | number)[])[],
): RawBuilder<unknown>[] {
  if (rows.length === 0) return []
  const names = columns.slice(0, -1)
  const count = columns.at(-1) ?? ''
  const listed = (of: readonly string[]) => sql.join(of.map((name) => sql.ref(name)))
  const values = rows.map((row) => sql`(${runId}, ${sql.join([...row])})`)
  return [
    sql`${sql.raw(`${table}_added`)} as (
      insert into ${sql.table(table)} (run_id, ${listed(columns)}) values ${sql.join(values)}
      on conflict (run_id, ${listed(names)})
      do update set ${sql.ref(count)} = ${sql.ref(`${table}.${count}`)} + excluded.${sql.ref(count)})`,
  ]
}

function doneParts(
  { runId, stage, index, attempt }: Pick<Claim, 'runId' | 'stage' | 'index' | 'attempt'>,
  now: Date,
  { result, reusedRunId, kept }: DoneShard,
): RawBuilder<unknown>[] {
  const of = reusedRunId === undefined ? '' : `, taken over from ${reusedRunId}`
  const message = `Shard ${index + 1} of ${stage} done, ${result.records} records${of}`
  const kind: EventKind = reusedRunId === undefined ? 'done' : 'reused'
  return [
    sql`done as (
      update shards set status = 'done', worker_id = null, result = ${JSON.stringify(result)}::jsonb, finished_at = ${now},
        duration_ms = extract(epoch from (${now}::timestamptz - claimed_at)) * 1000, reused_run_id = ${reusedRunId ?? null}
      where run_id = ${runId} and stage = ${stage} and index = ${index} and attempt = ${attempt})`,
    sql`said as (
      insert into run_events (run_id, at, kind, message, stage, shard)
      values (${runId}, ${now}, ${kind}, ${message}, ${stage}, ${index}))`,
    // The first result of a name stays.
    ...(kept === undefined
      ? []
      : [
          sql`kept as (
            insert into shard_results (key_owner, cache_key, run_id, outcome, created_at)
            values (${kept.keyOwner}, ${kept.cacheKey}, ${runId}, ${kept.outcome}::jsonb, ${now})
            on conflict (key_owner, cache_key) do nothing)`,
        ]),
  ]
}

/**
 * Puts records into quarantine.
 * @param whose tells which file a record is from
 * @returns what to book of them
 */
export async function quarantine<T extends Quarantined>(
  trx: Trx,
  runId: string,
  records: readonly T[],
  whose: (record: T) => { datasetId: string; fileId: string },
): Promise<QuarantineCounts> {
  const counts = new Map<string, ReasonCount>()
  for (let start = 0; start < records.length; start += 1_000) {
    const rows = records.slice(start, start + 1_000).map((record) => {
      const { stage, reason, ordinal, unit, line, byteOffset } = record
      const name = `${stage} ${reason}`
      counts.set(name, { stage, reason, records: (counts.get(name)?.records ?? 0) + 1 })
      const { datasetId, fileId } = whose(record)
      return { runId, stage, reason, ordinal, unit, line, byteOffset, datasetId, fileId }
    })
    await trx.insertInto('quarantine').values(rows).execute()
  }
  return [...counts.values()]
}
