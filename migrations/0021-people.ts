import { type Kysely, sql } from 'kysely'

/** Whether single keys work for someone: who speaks to the computer, or slips off keys, turns them off (WCAG 2.1.4). */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table users add column has_shortcuts boolean not null default true`.execute(db)
}
