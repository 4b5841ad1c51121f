import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

/** Where in the log everything about someone or something stands: what they did, and what was done to these objects. */
export interface AuditAbout {
  readonly actorId: string | undefined
  readonly objectIds: readonly string[]
  /** Whether there are more objects than are looked for; those are the newest. */
  readonly isCut: boolean
}

/** Each object is a walk along the index of objects; so many keep a page within its time. */
export const mostOf = { files: 100, runs: 200, exports: 300, deleted: 600, deletions: 50, keys: 100 } as const

/**
 * What belongs to a dataset: its files, runs over it, their exports, and deletions that touched it. To a person: what
 * they did, and what was done to their account and API keys. Of a dataset that was deleted, what its deletion kept the
 * ids of.
 */
export async function readAbout(db: Kysely<Database>, id: string): Promise<AuditAbout> {
  if (id.startsWith('usr_')) return readAboutPerson(db, id)
  const [files, gone, went, runs, deletions, destroyed] = await Promise.all([
    db
      .selectFrom('datasetFiles')
      .select('id')
      .where('datasetId', '=', id)
      .orderBy('createdAt', 'desc')
      .limit(mostOf.files + 1)
      .execute(),
    readFilesOnce(db, id),
    db
      .selectFrom('deletedObjects')
      .select('objectId as id')
      .where('datasetId', '=', id)
      // Ids of one kind are in the order of their time.
      .orderBy('objectId', 'desc')
      .limit(mostOf.deleted + 1)
      .execute(),
    db
      .selectFrom('runInputs')
      .innerJoin('runs', 'runs.id', 'runInputs.runId')
      .select('runs.id')
      .where('runInputs.datasetId', '=', id)
      .orderBy('runs.createdAt', 'desc')
      .limit(mostOf.runs + 1)
      .execute(),
    db
      .selectFrom('deletionDatasets')
      .select('deletionId as id')
      .where('datasetId', '=', id)
      .orderBy('deletionId', 'desc')
      .limit(mostOf.deletions + 1)
      .execute(),
    db
      .selectFrom('deletionKeys')
      .select('keyOwner as id')
      .where('datasetId', '=', id)
      .where('kind', '=', 'run')
      .orderBy('keyOwner', 'desc')
      .limit(mostOf.runs + 1)
      .execute(),
  ])
  const exports =
    runs.length === 0
      ? []
      : await db
          .selectFrom('runExports')
          .select('id')
          .where(
            'runId',
            'in',
            runs.map((run) => run.id),
          )
          .orderBy('runId', 'desc')
          .limit(mostOf.exports + 1)
          .execute()
  const parts = [
    { found: files, most: mostOf.files },
    { found: gone, most: mostOf.files },
    { found: went, most: mostOf.deleted },
    { found: runs, most: mostOf.runs },
    { found: exports, most: mostOf.exports },
    { found: deletions, most: mostOf.deletions },
    { found: destroyed, most: mostOf.runs },
  ]
  const objectIds = parts.flatMap(({ found, most }) => found.slice(0, most).map((row) => row.id))
  return {
    actorId: undefined,
    objectIds: [...new Set([id, ...objectIds])],
    isCut: parts.some(({ found, most }) => found.length > most),
  }
}

/** A dataset is added before anything else is done to it; entries of slow transactions may stand before. */
const firstEntries = 10

/** Files of a dataset that went before their ids were kept: the request that added it added them, which is in the log. */
async function readFilesOnce(db: Kysely<Database>, datasetId: string): Promise<{ readonly id: string }[]> {
  // The first entries of the dataset alone are looked at: of what is read all day there may be a million.
  const { rows } = await sql<{ id: string }>`
    select file.object_id as id
    from (
      select request_id, action from audit.log where object_id = ${datasetId} order by at, seq limit ${firstEntries}
    ) dataset join audit.log file on file.request_id = dataset.request_id
    where dataset.action = 'dataset.add' and file.action = 'file.add'
      and (file.details is null or strpos(file.details, '"dataset":') = 0
        or strpos(file.details, ${`"dataset":"${datasetId}"`}) > 0)
    order by file.at desc, file.seq desc limit ${mostOf.files + 1}`.execute(db)
  return rows
}

async function readAboutPerson(db: Kysely<Database>, id: string): Promise<AuditAbout> {
  const keys = await db
    .selectFrom('apiKeys')
    .select('id')
    .where('ownerId', '=', id)
    .orderBy('createdAt', 'desc')
    .limit(mostOf.keys + 1)
    .execute()
  return {
    actorId: id,
    objectIds: [id, ...keys.slice(0, mostOf.keys).map((key) => key.id)],
    isCut: keys.length > mostOf.keys,
  }
}
