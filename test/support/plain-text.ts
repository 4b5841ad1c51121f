import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'

/** Files below a folder that hold a text as it is; files that went meanwhile do not. */
export async function filesWithText(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const found: string[] = []
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name)
    const bytes = await readFile(path).catch(() => Buffer.alloc(0))
    if (bytes.includes(text)) found.push(path)
  }
  return found
}

export interface SearchedDatabase {
  /** Tables with a row that holds the text, in whatever column. */
  readonly hits: readonly string[]
  readonly tables: readonly string[]
  /** Files of the WAL, and of heap and indexes, that hold it. */
  readonly wal: readonly string[]
  readonly heap: readonly string[]
}

/** Looks through the WAL, every table of every schema, and the files they lie in; as the role that owns them. */
export async function searchDatabase(adminUrl: string, text: string): Promise<SearchedDatabase> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const { rows: places } = await client.query<{ folder: string; oid: string }>(
      `select current_setting('data_directory') as folder, oid::text from pg_database where datname = current_database()`,
    )
    const { folder = '', oid = '' } = places[0] ?? {}
    // Written out whole, and read before a checkpoint lets it be used again.
    await client.query('select pg_switch_wal()')
    const wal = await filesWithText(join(folder, 'pg_wal'), text)
    await client.query('checkpoint')
    const heap = await filesWithText(join(folder, 'base', oid), text)
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname <> 'information_schema'`,
    )
    const tables = rows.map(({ name }) => name)
    const hits: string[] = []
    for (const name of tables) {
      const { rowCount } = await client.query(
        `select from ${name} as searched where strpos(searched::text, $1) > 0 limit 1`,
        [text],
      )
      if (rowCount !== 0) hits.push(name)
    }
    return { hits, tables, wal, heap }
  } finally {
    await client.end()
  }
}
