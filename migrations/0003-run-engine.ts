import { type Kysely, sql } from 'kysely'

/**
 * What finishing runs from anything needs: leases of workers, losses of shards, priorities, keys of repeated requests,
 * results that may be used again, repairs of quarantined records, and events of stages and shards. A completed run
 * whose books do not balance is refused by the database itself.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
alter table runs
  add column priority integer not null default 0 check (priority between -10 and 10),
  add column idempotency_key text,
  add column idempotency_hash text;
create unique index runs_idempotency on runs (owner_id, idempotency_key) where idempotency_key is not null;
alter table runs drop constraint runs_parent_run_id_fkey,
  add constraint runs_parent_run_id_fkey foreign key (parent_run_id) references runs on delete set null;
create index runs_waiting on runs (priority desc, created_at) where status = 'queued';
create index runs_parent on runs (parent_run_id) where parent_run_id is not null;
create index runs_owner on runs (owner_id, created_at desc);
create index runs_owner_started on runs (owner_id, started_at);

alter table shards
  add column losses integer not null default 0,
  add column reused_run_id text;
drop index shards_waiting;
create index shards_waiting on shards (run_id, index) where status = 'queued';
create index shards_finished on shards (finished_at) where finished_at is not null;

create table workers (
  id integer primary key,
  host text not null,
  pid integer not null,
  threads integer not null,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  paused text
);

create table shard_results (
  key_owner text not null,
  cache_key text not null,
  run_id text not null references runs on delete cascade,
  outcome jsonb not null,
  created_at timestamptz not null,
  primary key (key_owner, cache_key)
);
create index shard_results_run on shard_results (run_id);
create index shard_results_owner on shard_results (key_owner, run_id);

create table repairs (
  run_id text not null references runs on delete cascade,
  dataset_id text not null references datasets on delete cascade,
  ordinal bigint not null,
  object_id text not null,
  kind text not null check (kind in ('proposed', 'edited')),
  made_by text not null references users,
  made_at timestamptz not null,
  ended_at timestamptz,
  primary key (run_id, dataset_id, ordinal, made_at)
);
create unique index repairs_current on repairs (run_id, dataset_id, ordinal) where ended_at is null;
create index repairs_dataset on repairs (dataset_id);

create table stage_minutes (
  stage text not null,
  minute timestamptz not null,
  shards integer not null,
  records bigint not null,
  failures integer not null,
  p50_ms integer not null,
  p95_ms integer not null,
  p99_ms integer not null,
  primary key (stage, minute)
);

alter table run_events
  add column stage text,
  add column shard integer;

create function run_events_are_appended() returns trigger language plpgsql as $$
begin
  raise exception 'run events are only ever added';
end $$;
create trigger run_events_append_only before update on run_events
  for each row execute function run_events_are_appended();

create function completed_runs_balance() returns trigger language plpgsql as $$
declare wrong text;
begin
  select books.stage into wrong from (
    select stage, position, records_in, records_out, quarantined, rejected, duplicate,
      lag(records_out) over (order by position) as given,
      (select coalesce(sum(records), 0) from run_reasons
        where run_reasons.run_id = new.id and run_reasons.stage = run_stages.stage) as reasons
    from run_stages where run_id = new.id
  ) books
  where records_in <> records_out + quarantined + rejected + duplicate
    or reasons <> records_in - records_out
    or (given is not null and given <> records_in)
  order by position limit 1;
  if wrong is not null or new.units_in <> new.units_grouped + new.units_quarantined then
    raise exception 'the ledger of % does not balance', coalesce(wrong, 'source units')
      using errcode = 'check_violation', constraint = 'completed_runs_balance';
  end if;
  return new;
end $$;
create trigger completed_runs_balance before update of status on runs
  for each row when (new.status = 'completed' and old.status <> 'completed')
  execute function completed_runs_balance();

do $$ begin
  grant select, insert, update, delete on workers, shard_results, repairs, stage_minutes to signalbox_app;
exception when insufficient_privilege or undefined_object then null;
end $$;
`)
    .execute(db)
}
