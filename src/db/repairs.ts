import { type Kysely, type SqlBool, sql } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { newId } from '../domain/ids.ts'
import {
  countsAlike,
  encodeRepairs,
  isRepairable,
  type PlacedRecord,
  proposeRepairs,
  type RepairedRecord,
  type RepairRef,
  readRepairs,
} from '../domain/pipeline/repairs.ts'
import type { Stage } from '../domain/pipeline/run.ts'
import { ok, type Result } from '../domain/result.ts'
import type { Vault } from '../domain/vault/vault.ts'
import { recordAudit } from './audit-outbox.ts'
import { readSources } from './quarantine.ts'
import type { Database } from './schema.ts'
import { obstacleToUse } from './usable-datasets.ts'

export interface RepairDeps {
  readonly db: Kysely<Database>
  readonly vault: Vault
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
}

type Kind = 'proposed' | 'edited'

/**
 * Where the repaired texts of a stretch of records lie.
 * @param runIds whose repairs; of a record repaired under several of them, the one named last counts
 * @param to the ordinal after the last
 * @param asOf repairs as they stood then: what a run reads does not change while it goes on
 */
export async function readRepairRefs(
  db: Kysely<Database>,
  runIds: readonly string[],
  datasetId: string,
  from: number,
  to: number,
  asOf: Date,
): Promise<RepairRef[]> {
  if (runIds.length === 0) return []
  const rows = await db
    .selectFrom('repairs')
    .select(['runId', 'ordinal', 'objectId'])
    .where('runId', 'in', [...runIds])
    .where('datasetId', '=', datasetId)
    .where('ordinal', '>=', from)
    .where('ordinal', '<', to)
    .where('madeAt', '<=', asOf)
    .where((eb) => eb.or([eb('endedAt', 'is', null), eb('endedAt', '>', asOf)]))
    .orderBy('ordinal')
    .execute()
  const latest = new Map<number, (typeof rows)[number]>()
  for (const row of rows) {
    const before = latest.get(row.ordinal)
    if (before === undefined || runIds.lastIndexOf(before.runId) < runIds.lastIndexOf(row.runId)) {
      latest.set(row.ordinal, row)
    }
  }
  return [...Map.groupBy(latest.values(), ({ objectId }) => objectId)].map(([objectId, group]) => ({
    datasetId,
    objectId,
    ordinals: group.map(({ ordinal }) => ordinal),
  }))
}

/** A run and those it goes on from, the first of them first. */
export async function readLineage(db: Kysely<Database>, runId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with recursive line as (
      select id, parent_run_id, 0 as depth from runs where id = ${runId}
      union all
      select runs.id, runs.parent_run_id, depth + 1 from runs join line on runs.id = line.parent_run_id
      where depth < 100
    )
    select id from line order by depth desc`.execute(db)
  return rows.map(({ id }) => id)
}

export interface FoundRepair {
  readonly kind: Kind
  readonly madeBy: string
  readonly madeAt: Date
  readonly text: string
  /** Made under this run; else under one that this run went on from, which read it instead of the record. */
  readonly isOwn: boolean
}

/** The repair of a record made under a run, and the one that the run itself read. */
export async function findRepairs(
  { db, vault }: Pick<RepairDeps, 'db' | 'vault'>,
  runId: string,
  datasetId: string,
  ordinal: number,
): Promise<{ readonly own: FoundRepair | undefined; readonly read: FoundRepair | undefined }> {
  const lineage = await readLineage(db, runId)
  const rows = await db
    .selectFrom('repairs')
    .innerJoin('users', 'users.id', 'repairs.madeBy')
    .select(['runId', 'objectId', 'kind', 'users.name', 'madeAt'])
    .where('runId', 'in', ['', ...lineage])
    .where('datasetId', '=', datasetId)
    .where('ordinal', '=', ordinal)
    .where('endedAt', 'is', null)
    .execute()
  const found = async (row: (typeof rows)[number] | undefined): Promise<FoundRepair | undefined> => {
    if (!row) return undefined
    const { objectId, kind, name, madeAt } = row
    const repairs = await readRepairs(vault, [{ datasetId, objectId, ordinals: [ordinal] }])
    const text = repairs.get(datasetId)?.get(ordinal)
    if (text === undefined) throw new Error('a repair is not in its object')
    return { kind, madeBy: name, madeAt, text, isOwn: row.runId === runId }
  }
  const earlier = rows
    .filter((row) => row.runId !== runId)
    .toSorted((one, other) => lineage.indexOf(other.runId) - lineage.indexOf(one.runId))
  return { own: await found(rows.find((row) => row.runId === runId)), read: await found(earlier[0]) }
}

/** Whether the datasets of a run still have the records it counted: a mapping may have come since that groups others. */
export async function isCountedAlike(db: Kysely<Database>, runId: string): Promise<boolean> {
  const { inputs } = await readSources(db, runId)
  const now = await db
    .selectFrom('datasetFiles')
    .innerJoin('datasets', 'datasets.id', 'datasetFiles.datasetId')
    .select(['datasetFiles.id', 'datasets.mapping', 'detection'])
    .where('datasetFiles.id', 'in', ['', ...inputs.keys()])
    .execute()
  return now.every(({ id, mapping, detection }) => {
    const before = inputs.get(id)?.mapping
    return before === undefined || countsAlike(before, mapping ?? detection.mapping)
  })
}

export async function countRepairs(db: Kysely<Database>, runId: string): Promise<number> {
  const { count } = await db
    .selectFrom('repairs')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('runId', '=', runId)
    .where('endedAt', 'is', null)
    .executeTakeFirstOrThrow()
  return count
}

/** Keeps repairs of one dataset: their texts in one object of the vault, then rows and audit entry in one transaction. */
export async function keepRepairs(
  { db, vault, clock, random }: RepairDeps,
  caller: Caller,
  runId: string,
  datasetId: string,
  kind: Kind,
  records: readonly RepairedRecord[],
): Promise<Result<void>> {
  const now = clock()
  const objectId = `repairs/${newId('file', now.getTime(), random(10))}`
  const object = { owner: datasetId, id: objectId, kind: 'source' } as const
  await vault.writeBytes(object, encodeRepairs(records))
  try {
    const kept = await db.transaction().execute(async (trx) => {
      const obstacle = await obstacleToUse(trx, [datasetId])
      if (obstacle !== undefined) return obstacle
      await trx
        .updateTable('repairs')
        .set({ endedAt: now })
        .where('runId', '=', runId)
        .where('datasetId', '=', datasetId)
        .where('ordinal', 'in', [-1, ...records.map(([ordinal]) => ordinal)])
        .where('endedAt', 'is', null)
        .execute()
      await trx
        .insertInto('repairs')
        .values(
          records.map(([ordinal]) => ({
            runId,
            datasetId,
            ordinal,
            objectId,
            kind,
            madeBy: caller.actor.id,
            madeAt: now,
          })),
        )
        .execute()
      const [first] = records
      const which = records.length === 1 && first ? { ordinal: first[0] } : {}
      await recordAudit(trx, caller, {
        action: 'record.repair',
        objectType: 'run',
        objectId: runId,
        outcome: 'allowed',
        details: { dataset: datasetId, object: objectId, kind, records: records.length, ...which },
      })
      return ok(undefined)
    })
    if (!kept.ok) await vault.remove(object)
    return kept
  } catch (error) {
    await vault.remove(object)
    throw error
  }
}

/** Takes a repair back; false when there was none under this run. Its text stays until the dataset goes. */
export function takeBackRepair(
  { db, clock }: Pick<RepairDeps, 'db' | 'clock'>,
  caller: Caller,
  runId: string,
  datasetId: string,
  ordinal: number,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const row = await trx
      .updateTable('repairs')
      .set({ endedAt: clock() })
      .where('runId', '=', runId)
      .where('datasetId', '=', datasetId)
      .where('ordinal', '=', ordinal)
      .where('endedAt', 'is', null)
      .returning('objectId')
      .executeTakeFirst()
    if (!row) return false
    await recordAudit(trx, caller, {
      action: 'record.repair-removal',
      objectType: 'run',
      objectId: runId,
      outcome: 'allowed',
      details: { dataset: datasetId, object: row.objectId, ordinal },
    })
    return true
  })
}

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
  deps: RepairDeps,
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
    for (const group of Map.groupBy(rows, ({ fileId }) => fileId).values()) {
      const [{ fileId, datasetId } = { fileId: '', datasetId: '' }] = group
      const input = inputs.get(fileId)
      if (input === undefined || !isRepairable(input, filter.reason)) continue
      const keep = async (records: readonly RepairedRecord[]) => {
        const kept = await keepRepairs(deps, caller, runId, datasetId, 'proposed', records)
        if (!kept.ok) repaired -= records.length
      }
      let found: RepairedRecord[] = []
      let held = 0
      const records = group.map((row): PlacedRecord => ({ ...row, ...filter }))
      for await (const proposal of proposeRepairs(vault, input, records)) {
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
