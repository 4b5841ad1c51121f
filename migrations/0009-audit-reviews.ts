import { type Kysely, sql } from 'kysely'

/** Up to which entry of the audit log a person has looked through it, and when. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
create table audit_reviews (
  id bigint generated always as identity primary key,
  through_seq bigint not null check (through_seq > 0),
  reviewed_by text not null references users,
  reviewed_at timestamptz not null
);
-- One mark for each entry: of two who mark the same, one was first.
create unique index audit_reviews_through on audit_reviews (through_seq);
do $$ begin
  grant select, insert on audit_reviews to signalbox_app;
exception when undefined_object or insufficient_privilege then null; end $$;
`)
    .execute(db)
}
