import pg from 'pg'

/** character_not_in_repertoire and untranslatable_character: a null byte, in text and in JSON. */
const codes = ['22021', '22P05']

/** Whether the database refused a text that it cannot hold. None of ours is so: somebody sent it. */
export const isUnstorableText = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && codes.includes(error.code ?? '')
