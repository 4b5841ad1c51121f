import { type Kysely, sql } from 'kysely'

/**
 * Four roles in place of three (an editor becomes a user), shares of datasets, the second factor, one-time links, and
 * when a session last proved who it belongs to. Secrets are kept as hashes, or sealed with a key of the vault.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
alter table users drop constraint users_role_check;
update users set role = 'user' where role = 'editor';
alter table users add constraint users_role_check check (role in ('viewer', 'user', 'moderator', 'admin'));

create table shares (
  id text primary key,
  dataset_id text not null references datasets on delete cascade,
  user_id text references users on delete cascade,
  role text check (role in ('viewer', 'user', 'moderator')),
  given text not null check (given in ('read', 'run', 'manage')),
  made_by text not null references users,
  made_at timestamptz not null,
  check (num_nonnulls(user_id, role) = 1)
);
create unique index shares_dataset_user on shares (dataset_id, user_id) where user_id is not null;
create unique index shares_dataset_role on shares (dataset_id, role) where role is not null;
create index shares_user on shares (user_id, given, dataset_id) where user_id is not null;
create index shares_role on shares (role, given, dataset_id) where role is not null;

alter table sessions add column stepped_up_at timestamptz;
update sessions set stepped_up_at = created_at;
alter table sessions alter column stepped_up_at set not null;
create index sessions_seen on sessions (last_seen_at desc, id);

create table second_factors (
  user_id text primary key references users on delete cascade,
  sealed_secret bytea not null,
  created_at timestamptz not null,
  confirmed_at timestamptz,
  last_step bigint not null default 0
);
create table recovery_codes (
  user_id text not null references users on delete cascade,
  code_hash text not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);
create table sign_in_challenges (
  token_hash text primary key,
  user_id text not null references users on delete cascade,
  expires_at timestamptz not null
);
create index sign_in_challenges_expiry on sign_in_challenges (expires_at);

create table password_links (
  token_hash text primary key,
  user_id text not null references users on delete cascade,
  kind text not null check (kind in ('invitation', 'reset')),
  drops_second_factor boolean not null default false,
  made_by text not null references users,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index password_links_user on password_links (user_id) where used_at is null;

do $$ begin
  grant select, insert, update, delete on shares, second_factors, recovery_codes, sign_in_challenges, password_links
    to signalbox_app;
exception when insufficient_privilege or undefined_object then null;
end $$;
`)
    .execute(db)
}
