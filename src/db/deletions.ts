import { type Kysely, sql } from 'kysely'
import { reachOf } from '../domain/auth/operations.ts'
import type { Viewer } from '../domain/datasets/access.ts'
import type { Deletion } from '../domain/deletion/deletion.ts'
import type { Page } from '../domain/pipeline/run-view.ts'
import type { Database } from './schema.ts'

const pageSize = 50

/** "SBdl"; the other half of the lock is made from the id. */
const deletionLock = 0x5342646c

/** Who holds the lock and says nothing for so long is frozen or cut off: the server ends its session, and another may. */
const silenceMs = 15_000

/**
 * Works a deletion unless another process does. The lock goes with the process that holds it, also when that freezes:
 * what it still does when it wakes up finds its work done, and changes nothing.
 * @returns false when another has it
 */
export function withDeletionLock(
  db: Kysely<Database>,
  id: string,
  work: () => Promise<void>,
  mostSilentMs = silenceMs,
): Promise<boolean> {
  return db.connection().execute(async (connection) => {
    const { rows } = await sql<{
      taken: boolean
    }>`select pg_try_advisory_lock(${deletionLock}::integer, hashtext(${id})) as taken`.execute(connection)
    if (rows[0]?.taken !== true) return false
    const saySomething = () => sql`select 1`.execute(connection)
    let said: Promise<unknown> = sql`select set_config('idle_session_timeout', ${`${mostSilentMs}ms`}, false)`
      .execute(connection)
      .catch(() => {})
    const timer = setInterval(() => {
      said = said.then(saySomething).catch(() => {})
    }, mostSilentMs / 5)
    try {
      await work()
      return true
    } finally {
      clearInterval(timer)
      await said
      await sql`select pg_advisory_unlock(${deletionLock}::integer, hashtext(${id}))`.execute(connection)
      await sql`reset idle_session_timeout`.execute(connection)
    }
  })
}

/** Deletions that wait to be worked on, oldest first. */
export const unfinishedDeletions = (db: Kysely<Database>) =>
  db
    .selectFrom('deletions')
    .select(['id', 'kind', 'status'])
    .where('status', 'in', ['searching', 'working'])
    .orderBy('requestedAt')
    .execute()

/** Says on the page why a deletion does not go on; it is tried again. */
export async function noteProblem(db: Kysely<Database>, id: string, problem: string): Promise<void> {
  await db
    .updateTable('deletions')
    .set({ problem })
    .where('id', '=', id)
    .where('status', 'in', ['searching', 'working'])
    .execute()
}

/** Administrators see all; others what they asked for and what was deleted of theirs, but no search for a subject. */
function visible(db: Kysely<Database>, viewer: Viewer) {
  const all = db.selectFrom('deletions')
  if (reachOf(viewer.role, 'deletion.read') === 'any') return all
  return all
    .where('deletions.kind', '=', 'dataset')
    .where((eb) =>
      eb.or([
        eb('deletions.actorId', '=', viewer.id),
        eb.exists(
          eb
            .selectFrom('deletionDatasets')
            .select('datasetId')
            .whereRef('deletionId', '=', 'deletions.id')
            .where('ownerId', '=', viewer.id),
        ),
      ]),
    )
}

/** A page of deletions, newest first. */
export async function listDeletions(db: Kysely<Database>, viewer: Viewer, page = 1): Promise<Page<Deletion>> {
  const { total } = await visible(db, viewer)
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  const ids = await visible(db, viewer)
    .select('deletions.id')
    .orderBy('deletions.requestedAt', 'desc')
    .orderBy('deletions.id', 'desc')
    .limit(pageSize)
    .offset((page - 1) * pageSize)
    .execute()
  return {
    page,
    size: pageSize,
    total,
    rows: await read(
      db,
      ids.map(({ id }) => id),
    ),
  }
}

/** One deletion; undefined when there is none that the viewer may see. */
export async function findDeletion(
  db: Kysely<Database>,
  viewer: Viewer,
  id: string,
): Promise<Deletion | undefined> {
  const found = await visible(db, viewer)
    .select('deletions.id')
    .where('deletions.id', '=', id)
    .executeTakeFirst()
  return found && (await read(db, [found.id]))[0]
}

async function read(db: Kysely<Database>, ids: readonly string[]): Promise<Deletion[]> {
  if (ids.length === 0) return []
  const [rows, datasets, keys] = await Promise.all([
    db
      .selectFrom('deletions')
      .leftJoin('users', 'users.id', 'deletions.actorId')
      .selectAll('deletions')
      .select('users.name as actorName')
      .where('deletions.id', 'in', ids)
      .execute(),
    db
      .selectFrom('deletionDatasets')
      .leftJoin('datasets', 'datasets.id', 'deletionDatasets.datasetId')
      .selectAll('deletionDatasets')
      .select('datasets.name')
      .where('deletionDatasets.deletionId', 'in', ids)
      .orderBy('datasetId')
      .execute(),
    db
      .selectFrom('deletionKeys')
      .selectAll()
      .where('deletionId', 'in', ids)
      .orderBy('kind')
      .orderBy('keyOwner')
      .execute(),
  ])
  return ids.flatMap((id) => {
    const row = rows.find((candidate) => candidate.id === id)
    if (row === undefined) return []
    const { kind, reason, status, actorId, actorKind, requestId, requestedAt, finishedAt, problem } = row
    const unnamed =
      actorKind === 'system' ? 'Signalbox itself' : actorKind === 'operator' ? 'the operator' : actorId
    return {
      id,
      kind,
      reason,
      status,
      requestedBy: { id: actorId, name: row.actorName ?? unnamed },
      requestId,
      requestedAt,
      finishedAt,
      problem,
      datasets: datasets.filter(({ deletionId }) => deletionId === id),
      keys: keys
        .filter(({ deletionId }) => deletionId === id)
        .map((key) => ({
          owner: key.keyOwner,
          kind: key.kind,
          versions: key.versions,
          objects: key.objects,
          newVersion: key.newVersion,
          destroyedAt: key.destroyedAt,
        })),
    }
  })
}
