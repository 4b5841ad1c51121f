import type { ColumnType } from 'kysely'

/** JSON columns: parsed when read, given as JSON text when written. */
export type JsonColumn<T> = ColumnType<T, string, string>
