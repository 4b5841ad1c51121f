import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

/** The last right text of every file of flows. It may hold what people write into such files; secrets belong into variables. */
export async function readFlowTexts(
  db: Kysely<Database>,
): Promise<{ readonly file: string; readonly text: string; readonly at: number }[]> {
  const rows = await db.selectFrom('flowTexts').selectAll().orderBy('file').execute()
  return rows.map(({ file, text, acceptedAt }) => ({ file, text, at: acceptedAt.getTime() }))
}

/** Keeps the texts that are in force, and forgets those of files that are gone. */
export async function keepFlowTexts(
  db: Kysely<Database>,
  texts: readonly {
    readonly file: string
    readonly text: string
    readonly hash: string
    readonly loadedAt: number
  }[],
  gone: readonly string[],
): Promise<void> {
  if (gone.length > 0) await db.deleteFrom('flowTexts').where('file', 'in', gone).execute()
  if (texts.length === 0) return
  await db
    .insertInto('flowTexts')
    .values(
      texts.map(({ loadedAt, file, text, hash }) => ({ file, text, hash, acceptedAt: new Date(loadedAt) })),
    )
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
