import { type Kysely, sql } from 'kysely'
import type { Verdict } from '../domain/audit/verification.ts'
import type { Database } from './schema.ts'

export interface Verification {
  readonly at: Date
  readonly outcome: Verdict['outcome']
  readonly rows: number
  readonly seconds: number
  /** What was wrong, in a sentence; null when nothing was. */
  readonly finding: string | null
  /** The first entry it concerns. */
  readonly seq: number | null
}

export interface AuditState {
  readonly rows: number
  /** Entries committed and not yet in the log, and since when the oldest waits. */
  readonly waiting: number
  readonly waitingSince: Date | null
  readonly checkpoint: { readonly size: number; readonly at: Date } | null
  readonly verification: Verification | null
  /** Then the database refuses nothing: who signs in as the application may change the log. */
  readonly isOwnedByApplication: boolean
}

/** How many entries the log has. */
export async function readLogSize(db: Kysely<Database>): Promise<number> {
  return (await db.selectFrom('audit.state').select('size').executeTakeFirstOrThrow()).size
}

/** What the health tile and the admin page say of the log. */
export async function readAuditState(db: Kysely<Database>): Promise<AuditState> {
  const { size, checkpointSize, checkpointAt } = await db
    .selectFrom('audit.state')
    .select(['size', 'checkpointSize', 'checkpointAt'])
    .executeTakeFirstOrThrow()
  const { waiting, waitingSince } = await db
    .selectFrom('audit.outbox')
    .select((of) => [of.fn.count<number>('id').as('waiting'), of.fn.min('at').as('waitingSince')])
    .executeTakeFirstOrThrow()
  return {
    rows: size,
    waiting,
    waitingSince,
    checkpoint:
      checkpointSize === null || checkpointAt === null ? null : { size: checkpointSize, at: checkpointAt },
    verification: (await readLastVerification(db)) ?? null,
    isOwnedByApplication: await isAuditOwnedByApplication(db),
  }
}

export async function readLastVerification(db: Kysely<Database>): Promise<Verification | undefined> {
  return db
    .selectFrom('audit.verification')
    .select(['at', 'outcome', 'rows', 'seconds', 'finding', 'seq'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** Keeps how a verification ended. */
export async function keepVerification(
  db: Kysely<Database>,
  { outcome, rows, finding }: Verdict,
  seconds: number,
): Promise<void> {
  await db
    .insertInto('audit.verification')
    .values({ outcome, rows, seconds, finding: finding?.message ?? null, seq: finding?.seq ?? null })
    .execute()
}

/** Whether the role we are signed in as owns an audit table, or may become one that does. */
export async function isAuditOwnedByApplication(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql<{ isOwner: boolean }>`
    select bool_or(pg_has_role(current_user, relowner, 'member')) as is_owner
    from pg_class where relnamespace = 'audit'::regnamespace and relkind = 'r'`.execute(db)
  return rows[0]?.isOwner === true
}
