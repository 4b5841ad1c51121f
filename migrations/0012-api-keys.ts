import { type Kysely, sql } from 'kysely'

/**
 * Keys that people give their programs, and tokens that were revoked before they expired. Of a key there is the hash and a
 * beginning to recognise it by; of a token its id.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
create table api_keys (
  id text primary key,
  owner_id text not null references users on delete cascade,
  name text not null,
  key_hash text not null unique,
  prefix text not null,
  scopes text[] not null check (cardinality(scopes) > 0),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  -- 366 days in hours: a day of the server's time zone may have 23 of them.
  check (expires_at > created_at and expires_at <= created_at + interval '8784 hours')
);
create index api_keys_owner on api_keys (owner_id, created_at desc);
create index api_keys_created on api_keys (created_at desc, id);

create table revoked_tokens (
  jti text primary key,
  expires_at timestamptz not null
);
create index revoked_tokens_expiry on revoked_tokens (expires_at);

do $$ begin
  grant select, insert, update, delete on api_keys, revoked_tokens to signalbox_app;
exception when insufficient_privilege or undefined_object then null; end $$;
`)
    .execute(db)
}
