import { type Kysely, sql } from 'kysely'

/**
 * Whether single keys work for someone: who speaks to the computer, or slips off keys, turns them off (WCAG 2.1.4). And
 * the list of people in the order of their names, page by page.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table users add column has_shortcuts boolean not null default true`.execute(db)
  await sql`create index users_by_name on users (lower(name), id)`.execute(db)
}
