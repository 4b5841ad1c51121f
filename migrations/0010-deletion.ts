import { type Kysely, sql } from 'kysely'

/**
 * Deletions as jobs that survive a crash, and what stays of them: the certificate. Retention rules and the legal hold of
 * datasets. Records that were removed because of whom they are about. Ids, counts, hashes and times only.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
create table deletions (
  id text primary key,
  kind text not null check (kind in ('dataset', 'subject')),
  reason text not null check (reason in ('request', 'retention')),
  status text not null check (status in ('searching', 'found', 'working', 'done', 'discarded')),
  actor_id text not null,
  actor_kind text not null check (actor_kind in ('user', 'operator', 'system')),
  request_id text not null,
  requested_at timestamptz not null,
  finished_at timestamptz,
  subject_hmac text,
  problem text,
  check ((kind = 'subject') = (subject_hmac is not null))
);
create index deletions_requested on deletions (requested_at desc, id);
create index deletions_unfinished on deletions (requested_at) where status in ('searching', 'working');

create table deletion_datasets (
  deletion_id text not null references deletions,
  dataset_id text not null,
  owner_id text not null,
  name_hash text not null,
  files integer not null,
  bytes bigint not null,
  runs integer not null default 0,
  records bigint not null default 0,
  unreadable bigint not null default 0,
  problem text,
  done_at timestamptz,
  primary key (deletion_id, dataset_id)
);
create index deletion_datasets_dataset on deletion_datasets (dataset_id);
create index deletion_datasets_owner on deletion_datasets (owner_id, deletion_id);

create table deletion_keys (
  deletion_id text not null references deletions,
  key_owner text not null,
  dataset_id text not null,
  kind text not null check (kind in ('dataset', 'run')),
  versions integer[],
  objects integer,
  new_version integer,
  destroyed_at timestamptz,
  primary key (deletion_id, key_owner)
);

create table removed_records (
  dataset_id text not null references datasets on delete cascade,
  ordinal bigint not null,
  file_id text not null,
  deletion_id text not null references deletions,
  primary key (dataset_id, ordinal)
);

alter table datasets
  add column retention_kind text check (retention_kind in ('forever', 'after-upload', 'after-last-run', 'until')),
  add column retention_days integer check (retention_days between 1 and 36500),
  add column retention_until timestamptz,
  add column retention_set_at timestamptz,
  add column held_at timestamptz,
  add column held_by text references users,
  add column deletion_id text references deletions,
  add constraint datasets_hold check ((held_at is null) = (held_by is null)),
  add constraint datasets_retention_days
    check ((retention_days is not null) = (coalesce(retention_kind, '') in ('after-upload', 'after-last-run'))),
  add constraint datasets_retention_until
    check ((retention_until is not null) = (coalesce(retention_kind, '') = 'until'));

create table retention_settings (
  only_one boolean primary key default true check (only_one),
  default_kind text not null check (default_kind in ('forever', 'after-upload', 'after-last-run')),
  default_days integer check (default_days between 1 and 36500),
  maximum_days integer check (maximum_days between 1 and 36500),
  changed_at timestamptz not null,
  check ((default_days is null) = (default_kind = 'forever'))
);

alter table runs add column stale_at timestamptz, add column stale_deletion_id text references deletions;

insert into deletions (id, kind, reason, status, actor_id, actor_kind, request_id, requested_at)
  select 'del_' || substr(id, 4), 'dataset', 'request', 'working', 'system', 'system', 'unknown', updated_at
  from datasets where status = 'deleting';
insert into deletion_datasets (deletion_id, dataset_id, owner_id, name_hash, files, bytes, runs)
  select 'del_' || substr(id, 4), id, owner_id, encode(sha256(convert_to(id || ' ' || name, 'UTF8')), 'hex'),
    (select count(*) from dataset_files where dataset_id = datasets.id),
    (select coalesce(sum(bytes), 0) from dataset_files where dataset_id = datasets.id),
    (select count(distinct run_id) from run_inputs where dataset_id = datasets.id)
  from datasets where status = 'deleting';
insert into deletion_keys (deletion_id, key_owner, dataset_id, kind)
  select 'del_' || substr(id, 4), id, id, 'dataset' from datasets where status = 'deleting'
  union
  select 'del_' || substr(datasets.id, 4), runs.id, datasets.id, 'run'
  from datasets join run_inputs on run_inputs.dataset_id = datasets.id join runs on runs.id = run_inputs.run_id
  where datasets.status = 'deleting' and runs.key_owner = runs.id;

do $$ begin
  grant select, insert, update, delete on deletions, deletion_datasets, deletion_keys, removed_records, retention_settings
    to signalbox_app;
exception when insufficient_privilege or undefined_object then null;
end $$;
`)
    .execute(db)
}
