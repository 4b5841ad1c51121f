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
      create role signalbox login;
    exception when duplicate_object or unique_violation then null; end $$`)
    await admitApplication(client, 'signalbox')
    await client.query(`alter role signalbox password ${literal}`)
  } finally {
    await client.end()
  }
  const url = new URL(adminUrl)
  url.username = 'signalbox'
  url.password = password
  return url.href
}

/** Makes a role a member of `signalbox_app`, with all that the application needs; nothing where it migrates itself. */
export async function admitApplication(admin: pg.Client, role: string): Promise<void> {
  const { rows } = await admin.query<{ database: string; isItself: boolean; isMember: boolean }>(
    `select current_database() as database, current_user = $1 as "isItself",
       pg_has_role($1::name, 'signalbox_app', 'member') as "isMember"
     from pg_roles where rolname = 'signalbox_app'`,
    [role],
  )
  const [found] = rows
  if (found === undefined || found.isItself) return
  if (!found.isMember) await admin.query(`grant signalbox_app to ${admin.escapeIdentifier(role)}`)
  await admin.query(
    `grant create, connect on database ${admin.escapeIdentifier(found.database)} to signalbox_app`,
  )
}
