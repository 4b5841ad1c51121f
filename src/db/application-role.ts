import pg from 'pg'

/**
 * Gives the embedded server's application role its login: a member of `signalbox_app`, owner of nothing, so that
 * the database itself refuses to let the portal change its audit log.
 */
export async function ensureApplicationRole(adminUrl: string, password: string): Promise<string> {
  const client = new pg.Client({ connectionString: adminUrl })
  client.on('error', () => {})
  await client.connect()
  try {
    const literal = client.escapeLiteral(password)
    await client.query(`do $$ begin
      create role signalbox login in role signalbox_app;
    exception when duplicate_object or unique_violation then null; end $$`)
    const { rows } = await client.query<{ database: string }>('select current_database() as database')
    await client.query(
      `grant create, connect on database ${client.escapeIdentifier(rows[0]?.database ?? '')} to signalbox_app`,
    )
    await client.query(`alter role signalbox password ${literal}`)
  } finally {
    await client.end()
  }
  const url = new URL(adminUrl)
  url.username = 'signalbox'
  url.password = password
  return url.href
}
