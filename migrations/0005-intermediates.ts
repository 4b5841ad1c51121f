import { type Kysely, sql } from 'kysely'

/** A run remembers when its intermediates went, and who pinned them so that they stay. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
alter table runs
  add column intermediates_removed_at timestamptz,
  add column pinned_at timestamptz,
  add column pinned_by text references users,
  add constraint runs_pin check ((pinned_at is null) = (pinned_by is null)),
  add constraint runs_intermediates check (intermediates_removed_at is null or status = 'completed');
create index runs_intermediates_due on runs (finished_at)
  where status = 'completed' and intermediates_removed_at is null;
`)
    .execute(db)
}
