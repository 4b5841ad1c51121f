import { type Kysely, sql } from 'kysely'

/**
 * The whole first schema. Record text never enters it: ids, counts, positions, scores and hashes only.
 * Two roles are made where the migrating role may: `signalbox_app` (what the portal signs in as a member of)
 * and `signalbox_audit` (owns the audit tables, so that the application can only add to them).
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
do $$ begin
  begin create role signalbox_app nologin; exception when duplicate_object or unique_violation then null; end;
  begin create role signalbox_audit nologin; exception when duplicate_object or unique_violation then null; end;
exception when insufficient_privilege then
  raise notice 'This role may not create roles: the audit tables will belong to it. Set DATABASE_ADMIN_URL.';
end $$;

create table users (
  id text primary key,
  email text not null,
  name text not null,
  password_hash text not null,
  role text not null check (role in ('admin', 'editor', 'viewer')),
  created_at timestamptz not null,
  disabled_at timestamptz
);
create unique index users_email on users (lower(email));

create table sessions (
  id text primary key,
  user_id text not null references users on delete cascade,
  expires_at timestamptz not null,
  absolute_expires_at timestamptz not null,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  user_agent text not null default ''
);
create index sessions_user on sessions (user_id);
create index sessions_expiry on sessions (expires_at);

create table setup_secrets (
  secret_hash text primary key,
  created_at timestamptz not null,
  used_at timestamptz
);

create table sign_in_failures (
  subject_hash text primary key,
  failures integer not null,
  blocked_until timestamptz not null,
  updated_at timestamptz not null
);

create table datasets (
  id text primary key,
  name text not null,
  owner_id text not null references users,
  status text not null check (status in ('uploading', 'ready', 'deleting')),
  mapping jsonb,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index datasets_name on datasets (owner_id, lower(name));
create index datasets_created on datasets (created_at desc, id);

create table dataset_files (
  id text primary key,
  dataset_id text not null references datasets on delete cascade,
  path text not null,
  position integer not null,
  bytes bigint not null,
  sha256 text not null,
  object_id text not null,
  detection jsonb not null,
  created_at timestamptz not null,
  unique (dataset_id, position)
);

create table runs (
  id text primary key,
  owner_id text not null references users,
  status text not null check (status in ('queued', 'running', 'completed', 'failed', 'cancelled')),
  configuration jsonb not null,
  key_owner text not null,
  parent_run_id text references runs,
  problem text,
  source_bytes bigint not null,
  units_in bigint not null default 0,
  units_grouped bigint not null default 0,
  units_quarantined bigint not null default 0,
  bytes_read bigint not null default 0,
  score_sum bigint not null default 0,
  score_count bigint not null default 0,
  version bigint not null default 0,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  last_progress_at timestamptz
);
create index runs_created on runs (created_at desc, id);
create index runs_live on runs (status) where status in ('queued', 'running');

create table run_inputs (
  run_id text not null references runs on delete cascade,
  dataset_id text not null references datasets on delete cascade,
  position integer not null,
  primary key (run_id, position)
);
create index run_inputs_dataset on run_inputs (dataset_id);

create table run_stages (
  run_id text not null references runs on delete cascade,
  stage text not null,
  position integer not null,
  status text not null check (status in ('queued', 'running', 'completed', 'failed', 'cancelled')),
  records_in bigint not null default 0,
  records_out bigint not null default 0,
  quarantined bigint not null default 0,
  rejected bigint not null default 0,
  duplicate bigint not null default 0,
  started_at timestamptz,
  finished_at timestamptz,
  primary key (run_id, stage)
);

create table run_reasons (
  run_id text not null references runs on delete cascade,
  stage text not null,
  reason text not null,
  records bigint not null,
  primary key (run_id, stage, reason)
);

create table run_findings (
  run_id text not null references runs on delete cascade,
  rule text not null,
  findings bigint not null,
  primary key (run_id, rule)
);

create table shards (
  run_id text not null references runs on delete cascade,
  stage text not null,
  index integer not null,
  status text not null check (status in ('queued', 'working', 'done', 'failed')),
  attempt integer not null default 0,
  failures integer not null default 0,
  worker_id integer,
  task jsonb not null,
  result jsonb,
  records_in integer not null default 0,
  duration_ms integer,
  claimed_at timestamptz,
  finished_at timestamptz,
  primary key (run_id, stage, index)
);
create index shards_working on shards (worker_id) where status = 'working';
create index shards_waiting on shards (run_id) where status = 'queued';

create table quarantine (
  run_id text not null references runs on delete cascade,
  stage text not null,
  dataset_id text not null,
  ordinal bigint not null,
  file_id text not null,
  unit bigint not null,
  line bigint,
  byte_offset bigint not null,
  reason text not null,
  primary key (run_id, dataset_id, ordinal)
);
create index quarantine_reason on quarantine (run_id, stage, reason, dataset_id, ordinal);

create table run_exports (
  id text primary key,
  run_id text not null references runs on delete cascade,
  position integer not null,
  target text not null,
  format text not null,
  path text not null,
  object_id text,
  records bigint,
  skipped bigint,
  bytes bigint,
  sha256 text,
  unique (run_id, position)
);

create table run_events (
  id bigint generated always as identity primary key,
  run_id text not null references runs on delete cascade,
  at timestamptz not null,
  kind text not null,
  message text not null
);
create index run_events_run on run_events (run_id, id desc);

create sequence worker_numbers as integer;

create schema audit;
create table audit.outbox (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor_id text not null,
  actor_kind text not null check (actor_kind in ('user', 'operator', 'system')),
  action text not null,
  object_type text not null,
  object_id text not null,
  outcome text not null check (outcome in ('allowed', 'denied', 'failed')),
  request_id text not null,
  salt bytea not null,
  commitment bytea not null,
  details jsonb not null
);

do $$ begin
  alter schema audit owner to signalbox_audit;
  alter table audit.outbox owner to signalbox_audit;
exception when insufficient_privilege or undefined_object then
  raise notice 'The audit tables belong to the application role. Set DATABASE_ADMIN_URL to a role that may create roles.';
end $$;
do $$ begin
  grant usage on schema public to signalbox_app;
  grant select, insert, update, delete on all tables in schema public to signalbox_app;
  grant usage, select on all sequences in schema public to signalbox_app;
  grant usage on schema audit to signalbox_app;
  grant insert on audit.outbox to signalbox_app;
  execute format('grant create, connect on database %I to signalbox_app', current_database());
exception when insufficient_privilege or undefined_object then null;
end $$;
`)
    .execute(db)
}
