import { type Kysely, sql } from 'kysely'

/** Shards say themselves from when on they may be worked, and "is anything undone" is one look at an index. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
alter table shards add column not_before timestamptz;
create index shards_undone on shards (run_id, stage) where status <> 'done';
`)
    .execute(db)
}
