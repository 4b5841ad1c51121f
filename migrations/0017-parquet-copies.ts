import { type Kysely, sql } from 'kysely'

/** How many Parquet files of a dataset a removal of records copied as JSON Lines; the certificate says it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table deletion_datasets add column files_as_json_lines integer not null default 0`.execute(
    db,
  )
}
