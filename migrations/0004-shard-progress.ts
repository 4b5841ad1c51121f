import { type Kysely, sql } from 'kysely'

/** How far a long shard has come while it is at work: quality and export are one shard each, of any number of records. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table shards add column progress bigint not null default 0`.execute(db)
}
