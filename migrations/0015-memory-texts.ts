import { type Kysely, sql } from 'kysely'

/**
 * With what is remembered of a check, the text of its file: where two processes have the same file, it is the same
 * check, also when the file is filled with the address or the folder of each.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table check_memories add column hash text not null default ''`.execute(db)
}
