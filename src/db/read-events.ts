import type { Kysely } from 'kysely'
import type { Stage } from '../domain/pipeline/run.ts'
import type { StoredEvent } from '../domain/pipeline/run-view.ts'
import type { EventKind } from './run-events.ts'
import type { Database } from './schema.ts'

export interface EventFilter {
  readonly kind?: EventKind | undefined
  readonly stage?: Stage | undefined
  /** Without what happens to every single shard that gets on. */
  readonly briefly?: boolean
}

const everyShard: readonly EventKind[] = ['claimed', 'done', 'reused']

/** Events of a run, the newest first, older than a cursor; one walk along the index run_events_run. */
export const readEvents = (
  db: Kysely<Database>,
  runId: string,
  limit: number,
  { kind, stage, briefly, before }: EventFilter & { readonly before?: number | undefined } = {},
): Promise<StoredEvent[]> => {
  let query = ofRun(db, runId).orderBy('id', 'desc').limit(limit)
  if (kind !== undefined) query = query.where('kind', '=', kind)
  if (stage !== undefined) query = query.where('stage', '=', stage)
  if (briefly === true) query = query.where('kind', 'not in', everyShard)
  if (before !== undefined) query = query.where('id', '<', before)
  return query.execute()
}

/** Events of a run, the oldest first, newer than a cursor. */
export const readEventsAfter = (
  db: Kysely<Database>,
  runId: string,
  limit: number,
  after: number,
): Promise<StoredEvent[]> => ofRun(db, runId).where('id', '>', after).orderBy('id').limit(limit).execute()

const ofRun = (db: Kysely<Database>, runId: string) =>
  db
    .selectFrom('runEvents')
    .select((eb) => ['id', 'at', 'kind', 'stage', eb('shard', '+', 1).as('shard'), 'message'])
    .where('runId', '=', runId)
