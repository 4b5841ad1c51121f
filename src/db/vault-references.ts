import { type Kysely, sql } from 'kysely'
import type { RunBooks } from '../domain/vault/books.ts'
import type { VaultReferences } from '../domain/vault/consistency.ts'
import type { KnownOwner, Reference } from '../domain/vault/sweep.ts'
import type { Database } from './schema.ts'

const pageSize = 1_000

/** Which objects the tables name and what the books say, read in pages by key. */
export const vaultReferences = (db: Kysely<Database>): VaultReferences => ({
  owners: () =>
    paged((after: KnownOwner | undefined) =>
      knownOwners(db)
        .$if(after !== undefined, (query) => query.where('id', '>', after?.id ?? ''))
        .orderBy('id')
        .limit(pageSize)
        .execute(),
    ),
  owner: (id) => knownOwners(db).where('id', '=', id).executeTakeFirst(),
  async *references(owner) {
    yield* fileReferences(db, owner)
    yield* repairReferences(db, owner)
    yield* shardReferences(db, owner)
    yield* exportReferences(db, owner)
    yield* resultReferences(db, owner)
  },
  async attempts(owner) {
    const rows = await db
      .selectFrom('shards')
      .innerJoin('runs', 'runs.id', 'shards.runId')
      .select(['runId', 'stage', 'index', 'attempt'])
      .where('keyOwner', '=', owner)
      .where('shards.status', '=', 'working')
      // Of a run that was cancelled no result is taken any more.
      .where('runs.status', '=', 'running')
      .execute()
    return rows.map(({ runId, stage, index, attempt }) => `${runId} ${stage} ${index} ${attempt}`)
  },
  books: () => readBooks(db),
  shardsWithoutResult: () =>
    paged((after: ShardKey | undefined) =>
      db
        .selectFrom('shards')
        .select(['runId', 'stage', 'index'])
        .where('status', '=', 'done')
        .where('result', 'is', null)
        .$if(after !== undefined, (query) => query.where(afterShard(after)))
        .orderBy('runId')
        .orderBy('stage')
        .orderBy('index')
        .limit(pageSize)
        .execute(),
    ),
})

/** Datasets, and runs with a key of their own. */
function knownOwners(db: Kysely<Database>) {
  const datasets = db
    .selectFrom('datasets')
    .select(['datasets.id', sql<boolean>`datasets.status = 'deleting'`.as('deleting')])
  const ofRuns = db.selectFrom('runs').select([
    'runs.keyOwner as id',
    sql<boolean>`exists (
      select from run_inputs join datasets on datasets.id = run_inputs.dataset_id
      where run_inputs.run_id = runs.id and datasets.status = 'deleting'
    )`.as('deleting'),
  ])
  return db
    .selectFrom(datasets.unionAll(ofRuns).as('known'))
    .select(['id', sql<boolean>`bool_or(deleting)`.as('isBeingDeleted')])
    .groupBy('id')
}

async function* fileReferences(db: Kysely<Database>, owner: string): AsyncGenerator<Reference> {
  const rows = paged((after: { position: number } | undefined) =>
    db
      .selectFrom('datasetFiles')
      .select(['objectId', 'bytes', 'position'])
      .where('datasetId', '=', owner)
      .$if(after !== undefined, (query) => query.where('position', '>', after?.position ?? 0))
      .orderBy('position')
      .limit(pageSize)
      .execute(),
  )
  for await (const { objectId, bytes } of rows) {
    yield { id: objectId, kind: 'source', table: 'dataset_files', bytes }
  }
}

async function* repairReferences(db: Kysely<Database>, owner: string): AsyncGenerator<Reference> {
  const rows = paged((after: { runId: string; ordinal: number } | undefined) =>
    db
      .selectFrom('repairs')
      .select(['objectId', 'runId', 'ordinal'])
      .where('datasetId', '=', owner)
      .$if(after !== undefined, (query) =>
        query.where(sql<boolean>`(run_id, ordinal) > (${after?.runId}, ${after?.ordinal}::bigint)`),
      )
      .orderBy('runId')
      .orderBy('ordinal')
      .limit(pageSize)
      .execute(),
  )
  for await (const { objectId } of rows) yield { id: objectId, kind: 'source', table: 'repairs' }
}

interface ShardKey {
  readonly runId: string
  readonly stage: string
  readonly index: number
}
const afterShard = (after: ShardKey | undefined) =>
  sql<boolean>`(run_id, stage, index) > (${after?.runId}, ${after?.stage}, ${after?.index}::integer)`

/**
 * What shards read, where ingestion or a stage before wrote it, and what came out of them. A run whose intermediates were
 * removed names none any more, and so does a stale one: their rows only tell what was done.
 */
async function* shardReferences(db: Kysely<Database>, owner: string): AsyncGenerator<Reference> {
  const rows = paged((after: ShardKey | undefined) =>
    db
      .selectFrom('shards')
      .select([
        'runId',
        'stage',
        'index',
        sql<
          string | null
        >`case when task #>> '{input,kind}' = 'object' then task #>> '{input,objectId}' end`.as('input'),
        sql<string | null>`result ->> 'objectId'`.as('output'),
      ])
      .where('runId', 'in', (eb) =>
        eb
          .selectFrom('runs')
          .select('id')
          .where('keyOwner', '=', owner)
          .where('intermediatesRemovedAt', 'is', null)
          .where('staleAt', 'is', null),
      )
      .$if(after !== undefined, (query) => query.where(afterShard(after)))
      .orderBy('runId')
      .orderBy('stage')
      .orderBy('index')
      .limit(pageSize)
      .execute(),
  )
  for await (const { stage, input, output } of rows) {
    if (input !== null) yield { id: input, kind: 'shard', table: 'shards' }
    if (output !== null) {
      yield { id: output, kind: stage === 'quality' ? 'decision' : 'shard', table: 'shards' }
    }
  }
}

async function* exportReferences(db: Kysely<Database>, owner: string): AsyncGenerator<Reference> {
  const rows = paged((after: { id: string } | undefined) =>
    db
      .selectFrom('runExports')
      .select(['id', 'objectId', 'bytes'])
      .where('runId', 'in', (eb) => eb.selectFrom('runs').select('id').where('keyOwner', '=', owner))
      .where('objectId', 'is not', null)
      .$if(after !== undefined, (query) => query.where('id', '>', after?.id ?? ''))
      .orderBy('id')
      .limit(pageSize)
      .execute(),
  )
  for await (const { objectId, bytes } of rows) {
    if (objectId === null) continue
    yield { id: objectId, kind: 'export', table: 'run_exports', ...(bytes === null ? {} : { bytes }) }
  }
}

async function* resultReferences(db: Kysely<Database>, owner: string): AsyncGenerator<Reference> {
  const rows = paged((after: { cacheKey: string } | undefined) =>
    db
      .selectFrom('shardResults')
      .select(['cacheKey', sql<string | null>`outcome ->> 'objectId'`.as('objectId')])
      .where('keyOwner', '=', owner)
      .$if(after !== undefined, (query) => query.where('cacheKey', '>', after?.cacheKey ?? ''))
      .orderBy('cacheKey')
      .limit(pageSize)
      .execute(),
  )
  for await (const { objectId } of rows) {
    if (objectId !== null) yield { id: objectId, kind: 'shard', table: 'shard_results' }
  }
}

/** A page of runs and all that is counted of them is one snapshot: a commit in between would look like a fault. */
const readBooks = (db: Kysely<Database>): AsyncGenerator<RunBooks> =>
  paged((after: RunBooks | undefined) =>
    db
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(async (trx) => {
        const runs = await trx
          .selectFrom('runs')
          .select(['id', 'status', 'unitsIn', 'unitsGrouped', 'unitsQuarantined'])
          .$if(after !== undefined, (query) => query.where('id', '>', after?.runId ?? ''))
          .orderBy('id')
          .limit(pageSize)
          .execute()
        if (runs.length === 0) return []
        const rows = await trx
          .selectFrom('runStages')
          .select((eb) => [
            'runId',
            'stage',
            'recordsIn as in',
            'recordsOut as out',
            'quarantined',
            'rejected',
            'duplicate',
            sql<number>`(select coalesce(sum(records), 0) from run_reasons
              where run_reasons.run_id = run_stages.run_id and run_reasons.stage = run_stages.stage)`.as(
              'reasons',
            ),
            eb
              .selectFrom('quarantine')
              .select((count) => count.fn.countAll<number>().as('rows'))
              .whereRef('quarantine.runId', '=', 'runStages.runId')
              .whereRef('quarantine.stage', '=', 'runStages.stage')
              .as('quarantineRows'),
          ])
          .where(
            'runId',
            'in',
            runs.map((run) => run.id),
          )
          .orderBy('runId')
          .orderBy('position')
          .execute()
        const byRun = Map.groupBy(rows, (row) => row.runId)
        return runs.map((run) => ({
          runId: run.id,
          status: run.status,
          units: { in: run.unitsIn, grouped: run.unitsGrouped, quarantined: run.unitsQuarantined },
          stages: (byRun.get(run.id) ?? []).map(({ runId, quarantineRows, ...row }) => ({
            ...row,
            quarantineRows: quarantineRows ?? 0,
          })),
        }))
      }),
  )

/** Row by row, a page at a time, each page from behind the last row of the one before. */
async function* paged<Key, Row extends Key>(
  page: (after: Key | undefined) => Promise<Row[]>,
): AsyncGenerator<Row> {
  for (let after: Row | undefined; ; ) {
    const rows = await page(after)
    yield* rows
    if (rows.length < pageSize) return
    after = rows.at(-1)
  }
}
