import { type Kysely, sql } from 'kysely'

/** When a legal hold on a dataset was lifted last: from then on people are warned before it goes. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table datasets add column released_at timestamptz`.execute(db)
}
