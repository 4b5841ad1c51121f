import { setImmediate as othersTurn } from 'node:timers/promises'
import { type Kysely, type SqlBool, sql } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import type { ExamineRecord } from '../domain/pipeline/examine-record.ts'
import { isRepairable, type PlacedRecord, proposeRepairs } from '../domain/pipeline/repair-proposals.ts'
import type { RepairedRecord } from '../domain/pipeline/repairs.ts'
import type { Stage } from '../domain/pipeline/run.ts'
import { recordAudit } from './audit-outbox.ts'
import { keepRepairs, type RepairDeps } from './keep-repairs.ts'
import { readSources } from './quarantine.ts'
import { readLineage } from './repairs.ts'
import type { Database } from './schema.ts'

/** What one action looks at, at most; the rest is left for the next. */
const most = { records: 10_000, bytes: 256 * 1024 * 1024 } as const
/** Records in one object and one transaction, at most. */
const batch = { records: 500, bytes: 8 * 1024 * 1024 } as const

export interface RecordKey {
  readonly datasetId: string
  readonly ordinal: number
}

export interface ManyRepaired {
  /** Records looked at that had no repair. */
  readonly looked: number
  readonly repaired: number
  /** Records of the reason that were not looked at, and the last one that was. */
  readonly left: number
  readonly last: RecordKey | undefined
}

/**
 * Applies the proposed repair to all records of a reason that have none yet, in batches; each is kept for good.
 * @param apply false only counts
 * @param after where an earlier action stopped
 */
export async function repairMany(
  deps: RepairDeps & { readonly examineRecord: ExamineRecord },
  caller: Caller,
  runId: string,
  filter: { readonly stage: Stage; readonly reason: string },
  after: RecordKey | undefined,
  apply: boolean,
): Promise<ManyRepaired> {
  const { db, vault } = deps
  const { inputs } = await readSources(db, runId)
  const lineage = await readLineage(db, runId)
  await recordAudit(db, caller, {
    action: 'record.read',
    objectType: 'run',
    objectId: runId,
    outcome: 'allowed',
    details: { stage: filter.stage, reason: filter.reason, atMost: most.records },
  })
  let [looked, repaired, bytes] = [0, 0, 0]
  let last = after
  while (looked < most.records && bytes < most.bytes) {
    const rows = await unrepaired(db, runId, lineage, filter, last)
      .select(['quarantine.datasetId', 'fileId', 'quarantine.ordinal', 'unit', 'line', 'byteOffset'])
      .orderBy('quarantine.datasetId')
      .orderBy('quarantine.ordinal')
      .limit(Math.min(batch.records, most.records - looked))
      .execute()
    if (rows.length === 0) break
    for (const [fileId, group] of Map.groupBy(rows, (row) => row.fileId)) {
      const input = inputs.get(fileId)
      if (input === undefined || !isRepairable(input, filter.reason)) continue
      const { datasetId } = input
      const keep = async (records: readonly RepairedRecord[]) => {
        const kept = await keepRepairs(deps, caller, runId, datasetId, 'proposed', records)
        if (!kept.ok) repaired -= records.length
      }
      let found: RepairedRecord[] = []
      let held = 0
      const records = group.map((row): PlacedRecord => ({ ...row, ...filter }))
      for await (const proposal of proposeRepairs(vault, input, records, deps.examineRecord)) {
        // Records that are near each other come without waiting for anything: others get their turn in between.
        await othersTurn()
        bytes += proposal.bytes
        if (proposal.text === undefined) continue
        repaired++
        if (!apply) continue
        found.push([proposal.ordinal, proposal.text])
        held += proposal.bytes
        if (held < batch.bytes) continue
        await keep(found)
        found = []
        held = 0
      }
      if (found.length > 0) await keep(found)
    }
    looked += rows.length
    const end = rows.at(-1)
    if (end) last = { datasetId: end.datasetId, ordinal: end.ordinal }
  }
  const { left } = await unrepaired(db, runId, lineage, filter, last)
    .select((eb) => eb.fn.countAll<number>().as('left'))
    .executeTakeFirstOrThrow()
  return { looked, repaired, left, last }
}

const unrepaired = (
  db: Kysely<Database>,
  runId: string,
  lineage: readonly string[],
  { stage, reason }: { readonly stage: Stage; readonly reason: string },
  after: RecordKey | undefined,
) =>
  db
    .selectFrom('quarantine')
    .where('quarantine.runId', '=', runId)
    .where('stage', '=', stage)
    .where('reason', '=', reason)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('repairs')
            .select('repairs.ordinal')
            // Not what a person made of it before either: a proposal is made of the record itself.
            .where('repairs.runId', 'in', ['', ...lineage])
            .whereRef('repairs.datasetId', '=', 'quarantine.datasetId')
            .whereRef('repairs.ordinal', '=', 'quarantine.ordinal')
            .where('repairs.endedAt', 'is', null)
            // Looked up record by record: joined, a table without statistics was read whole for each of them.
            .offset(0),
        ),
      ),
    )
    .$if(after !== undefined, (query) =>
      query.where(
        sql<SqlBool>`(quarantine.dataset_id, quarantine.ordinal) > (${after?.datasetId ?? ''}::text, ${after?.ordinal ?? 0}::bigint)`,
      ),
    )
