import { type Kysely, sql } from 'kysely'

/** Which run of a job began and did not end, and how long the last one took. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
-- From now on last_start_at is the start of a run that has not ended, as healthchecks has it.
alter table heartbeat_pings add last_start_run uuid, add last_duration_ms bigint;
update heartbeat_pings set last_start_at = null where last_start_at <= greatest(last_success_at, last_failure_at);

-- Starts by their run id, so that runs side by side are measured each. At most ten of a token.
create table heartbeat_runs (
  token_hash bytea not null references heartbeat_pings on delete cascade,
  run_id uuid not null,
  started_at timestamptz not null,
  primary key (token_hash, run_id)
);

do $$ begin
  grant select, insert, update, delete on heartbeat_runs to signalbox_app;
exception when undefined_object or insufficient_privilege then null; end $$;
`)
    .execute(db)
}
