import { type Kysely, sql } from 'kysely'

/** When each work that comes round by itself last began and ended, and how. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
create table periodic_work (
  name text primary key,
  last_started_at timestamptz not null,
  last_ended_at timestamptz,
  outcome text check (outcome in ('done', 'failed', 'stopped')),
  check ((last_ended_at is null) = (outcome is null))
);

do $$ begin
  grant select, insert, update on periodic_work to signalbox_app;
exception when insufficient_privilege or undefined_object then null;
end $$;
`)
    .execute(db)
}
