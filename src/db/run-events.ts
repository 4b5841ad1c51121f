import type { Kysely, Transaction } from 'kysely'
import type { Stage } from '../domain/pipeline/run.ts'
import type { Database } from './schema.ts'

export type Trx = Transaction<Database>

/** What happened: of the run itself, of a stage, of a shard. */
export const eventKinds = [
  'queued',
  'started',
  'resumed',
  'cancelled',
  'completed',
  'failed',
  'stage-started',
  'stage-completed',
  'claimed',
  'done',
  'reused',
  'retry',
  'lost',
  'decision',
  'paused',
  'stuck',
  'pinned',
  'unpinned',
  'intermediates-removed',
  'stale',
] as const
export type EventKind = (typeof eventKinds)[number]

/** Adds to the list of a run; nothing is ever changed or removed there. Never quotes a record. */
export async function addEvent(
  db: Pick<Trx, 'insertInto'> | Pick<Kysely<Database>, 'insertInto'>,
  runId: string,
  at: Date,
  kind: EventKind,
  message: string,
  where: { readonly stage?: Stage; readonly index?: number } = {},
): Promise<void> {
  await db
    .insertInto('runEvents')
    .values({ runId, at, kind, message, stage: where.stage ?? null, shard: where.index ?? null })
    .execute()
}
