import { type Kysely, sql } from 'kysely'

/** What is known of monitored flows: who runs the checks, what is remembered of them, and their history. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
-- One row. A leader changes it first with everything it writes, so that one whose epoch is over writes nothing.
create table flow_leader (
  only_one boolean primary key default true check (only_one),
  epoch bigint not null default 0,
  -- Rises with everything that is written: who knows the memories up to one asks for those after it.
  seq bigint not null default 0,
  seen_at timestamptz,
  lag_ms double precision not null default 0,
  overdue integer not null default 0,
  rolled_up_to timestamptz
) with (fillfactor = 10);
insert into flow_leader default values;

-- What every process shows. No index over seq: with one, each of hundreds of updates a second would be two more writes,
-- and there are only as many rows as checks. json, not jsonb: nothing is asked of it here, and it takes any text.
create table check_memories (
  flow text not null,
  "check" text not null,
  meaning text not null,
  memory json not null,
  seq bigint not null,
  primary key (flow, "check")
) with (fillfactor = 50);

create table check_rows (
  flow text not null,
  "check" text not null,
  at timestamptz not null,
  "rows" json not null,
  primary key (flow, "check")
);

-- Checks that a person wants to be run now.
create table check_requests (
  flow text not null,
  "check" text not null,
  asked_at timestamptz not null,
  primary key (flow, "check")
);

create table check_series (
  id integer generated always as identity primary key,
  flow text not null,
  "check" text not null,
  ttl_ms bigint not null,
  unique (flow, "check")
);

-- State and worst: 0 HEALTHY, 1 DEGRADED, 2 UNKNOWN, 3 FAILED, so that the greatest is the worst.
-- A row is written when it begins and when it ends, and now and then between: to_at may be some seconds behind.
create table check_results (
  series integer not null,
  from_at timestamptz not null,
  to_at timestamptz not null,
  count integer not null,
  state smallint not null check (state between 0 and 3),
  reason text,
  value double precision,
  primary key (series, from_at)
) with (fillfactor = 80);
create index check_results_from_at on check_results using brin (from_at) with (pages_per_range = 32);

create table check_minutes (
  series integer not null,
  at timestamptz not null,
  worst smallint not null,
  last smallint not null,
  runs integer not null,
  good integer not null,
  value double precision,
  primary key (series, at)
);
create index check_minutes_at on check_minutes using brin (at) with (pages_per_range = 32);
create table check_hours (
  series integer not null,
  at timestamptz not null,
  worst smallint not null,
  last smallint not null,
  runs integer not null,
  good integer not null,
  value double precision,
  primary key (series, at)
);
create index check_hours_at on check_hours using brin (at) with (pages_per_range = 32);

-- Kept for ever. Of a process when "check" is null.
create table check_transitions (
  id bigint generated always as identity primary key,
  flow text not null,
  process text not null,
  "check" text,
  at timestamptz not null,
  from_state text not null,
  to_state text not null,
  reason text,
  message text not null
);
create index check_transitions_flow on check_transitions (flow, id);
create index check_transitions_process on check_transitions (flow, process, id);
create index check_transitions_last on check_transitions (flow, process, coalesce("check", ''), id);

-- The last right text of every file: what runs when a process starts and finds the file wrong.
create table flow_texts (
  file text primary key,
  text text not null,
  hash text not null,
  accepted_at timestamptz not null
);

-- By SHA-256 of the token, so that who reads the database cannot ping.
create table heartbeat_pings (
  token_hash bytea primary key,
  listening_since timestamptz not null,
  last_success_at timestamptz,
  last_start_at timestamptz,
  last_failure_at timestamptz,
  last_exit_status integer,
  pings bigint not null default 0
) with (fillfactor = 50);
-- The last 100 pings: the next takes the slot of the oldest.
create table heartbeat_log (
  token_hash bytea not null references heartbeat_pings on delete cascade,
  slot smallint not null,
  ping bigint not null,
  at timestamptz not null,
  kind text not null check (kind in ('success', 'start', 'fail', 'log')),
  exit_status integer,
  primary key (token_hash, slot)
);

do $$ begin
  grant select, update on flow_leader to signalbox_app;
  grant select, insert, update, delete on check_memories, check_rows, check_requests, check_series, check_results,
    check_minutes, check_hours, flow_texts, heartbeat_pings, heartbeat_log to signalbox_app;
  grant select, insert on check_transitions to signalbox_app;
exception when undefined_object or insufficient_privilege then null; end $$;
`)
    .execute(db)
}
