import { vaultReferences } from '../../src/db/vault-references.ts'
import { checkConsistency } from '../../src/domain/vault/consistency.ts'
import { asAdmin } from './audit.ts'
import type { Workshop } from './engine.ts'

/** How many rows of each table name one of the words anywhere; tables without any are left out. */
export async function rowsNaming(
  adminUrl: string,
  words: readonly string[],
): Promise<Record<string, number>> {
  const tables = await asAdmin<{ name: string }>(
    adminUrl,
    `select case table_schema when 'public' then '' else quote_ident(table_schema) || '.' end || quote_ident(table_name) as name
     from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'
     order by 1`,
  )
  const found: Record<string, number> = {}
  for (const { name } of tables) {
    const named = words.map((word) => `position('${word}' in row_to_json(t)::text) > 0`).join(' or ')
    const [row] = await asAdmin<{ count: string }>(
      adminUrl,
      `select count(*) as count from ${name} t where ${named}`,
    )
    // Sequenced or waiting: the audit log is one.
    const table = name.startsWith('audit.') ? 'audit.log' : name
    if (Number(row?.count) > 0) found[table] = (found[table] ?? 0) + Number(row?.count)
  }
  return found
}

/** What the check finds wrong, by the rules of `npm run fsck`. */
export async function problemsOf({ db, vault }: Pick<Workshop, 'db' | 'vault'>): Promise<string[]> {
  const found: string[] = []
  await checkConsistency(
    { vault, tables: vaultReferences(db), pace: { step: async () => {}, rest: async () => {} } },
    { now: new Date(), dryRun: true },
    (remark) => {
      if (remark.level === 'problem') found.push(`${remark.kind} ${remark.subject}`)
    },
  )
  return found
}
