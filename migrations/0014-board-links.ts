import { type Kysely, sql } from 'kysely'

/** Links that open wall boards without signing in. Of the token only its hash is stored. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
create table board_links (
  id text primary key,
  name text not null,
  -- null: the boards of all flows. Flows are files, so nothing is referenced.
  flow_id text,
  token_hash text not null unique,
  created_by text not null references users,
  created_at timestamptz not null,
  last_used_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz
);
do $$ begin
  grant select, insert, update on board_links to signalbox_app;
exception when undefined_object or insufficient_privilege then null; end $$;
`)
    .execute(db)
}
