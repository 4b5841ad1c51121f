import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

/** The last right text of every file of flows. It may hold what people write into such files; secrets belong into variables. */
export const readFlowTexts = (db: Kysely<Database>): Promise<{ file: string; text: string }[]> =>
  db.selectFrom('flowTexts').select(['file', 'text']).orderBy('file').execute()

/** Keeps the texts that are in force, and forgets those of files that are gone. */
export async function keepFlowTexts(
  db: Kysely<Database>,
  texts: readonly { readonly file: string; readonly text: string; readonly hash: string }[],
  gone: readonly string[],
  now: Date,
): Promise<void> {
  if (gone.length > 0) await db.deleteFrom('flowTexts').where('file', 'in', gone).execute()
  if (texts.length === 0) return
  await db
    .insertInto('flowTexts')
    .values(texts.map(({ file, text, hash }) => ({ file, text, hash, acceptedAt: now })))
    .onConflict((conflict) =>
      conflict
        .column('file')
        .doUpdateSet((eb) => ({
          text: eb.ref('excluded.text'),
          hash: eb.ref('excluded.hash'),
          acceptedAt: eb.ref('excluded.acceptedAt'),
        }))
        .whereRef('flowTexts.hash', '<>', 'excluded.hash'),
    )
    .execute()
}
