import { type Kysely, sql } from 'kysely'

/**
 * Ids of what went with a dataset: its files, runs over it and their exports. Entries of the audit log are about them,
 * and are found by them when somebody asks for everything about the dataset.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`
create table deleted_objects (
  dataset_id text not null,
  object_id text not null,
  primary key (dataset_id, object_id)
);
do $$ begin
  grant select, insert on deleted_objects to signalbox_app;
exception when undefined_object or insufficient_privilege then null; end $$;
`)
    .execute(db)
}
