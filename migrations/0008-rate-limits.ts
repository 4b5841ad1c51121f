import { type Kysely, sql } from 'kysely'

/**
 * Counters of requests, and what administrators set instead of the defaults of src/domain/limits/limits.ts. Counters
 * are unlogged: a commit of theirs waits for no disk and leaves no client address in the WAL; a crash of the server
 * empties them. `keep_until` is by the hour, so that counting updates no index.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
create unlogged table rate_limit_counts (
  subject text not null,
  counter text not null,
  slot bigint not null,
  counts integer[] not null,
  granted boolean not null,
  told_minute bigint not null default 0,
  keep_until timestamptz not null,
  primary key (subject, counter)
) with (fillfactor = 50);
create index rate_limit_counts_keep on rate_limit_counts (keep_until);

create table rate_limits (
  target text not null,
  role text not null,
  amount integer not null check (amount > 0),
  set_by text not null,
  set_at timestamptz not null,
  primary key (target, role)
);

do $$ begin
  grant select, insert, update, delete on rate_limit_counts, rate_limits to signalbox_app;
exception when insufficient_privilege or undefined_object then null; end $$;
`)
    .execute(db)
}
