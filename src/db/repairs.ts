import { type Kysely, sql } from 'kysely'
import { countsAlike, type RepairRef, readRepairs } from '../domain/pipeline/repairs.ts'
import type { Vault } from '../domain/vault/vault.ts'
import { readSources } from './quarantine.ts'
import type { Database } from './schema.ts'

/** Made by the portal and accepted, or written by a person. */
export type RepairKind = 'proposed' | 'edited'

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
  readonly kind: RepairKind
  readonly madeBy: string
  readonly madeAt: Date
  readonly text: string
  /** Made under this run; else under one that this run went on from, which read it instead of the record. */
  readonly isOwn: boolean
}

/** The repair of a record made under a run, and the one that the run itself read. */
export async function findRepairs(
  { db, vault }: { readonly db: Kysely<Database>; readonly vault: Vault },
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
