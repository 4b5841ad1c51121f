import pg from 'pg'
import { StartupProblem } from '../startup-problem.ts'
import { admitApplication } from './application-role.ts'
import { migrate } from './migrate.ts'

const oldestVersion = 17

/**
 * Makes a Postgres of one's own ready: looks whether it is the right one, brings it up to date, and lets the
 * application's role work in it, where that is another than the one that migrates.
 * @throws StartupProblem with one sentence for whatever a person can put right
 */
export async function prepareGivenDatabase(url: string, adminUrl: string): Promise<void> {
  const application = await signedIn(url, 'DATABASE_URL', async (client) => {
    const { rows } = await client.query<{ version: number; role: string; database: string }>(
      `select current_setting('server_version_num')::integer / 10000 as version, current_user as role,
         current_database() as database`,
    )
    const { version, role, database } = rows[0] ?? { version: 0, role: '', database: '' }
    if (version < oldestVersion) {
      throw new StartupProblem(
        `DATABASE_URL points to Postgres ${version}; ${oldestVersion} or newer is needed.`,
      )
    }
    return { role, database }
  })
  await signedIn(adminUrl, adminUrl === url ? 'DATABASE_URL' : 'DATABASE_ADMIN_URL', async (client) => {
    const { rows } = await client.query<{ database: string }>('select current_database() as database')
    if (rows[0]?.database !== application.database) throw differing()
    try {
      await migrate(adminUrl)
      await admitApplication(client, application.role)
    } catch (cause) {
      throw codeOf(cause) === '42501' ? notAllowed(adminUrl, cause) : cause
    }
  })
  await signedIn(url, 'DATABASE_URL', async (client) => {
    const { rows } = await client.query("select 1 where to_regclass('datasets') is not null")
    // Of the same name, on another server.
    if (rows.length === 0) throw differing()
  })
}

async function signedIn<Found>(
  url: string,
  setting: string,
  work: (client: pg.Client) => Promise<Found>,
): Promise<Found> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 8_000 })
  client.on('error', () => {})
  try {
    await client.connect().catch((cause: unknown) => {
      throw new StartupProblem(whyNot(setting, url, cause), { cause })
    })
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}

function whyNot(setting: string, url: string, cause: unknown): string {
  const { hostname, port, pathname, username } = new URL(url)
  const place = `${hostname}:${port || '5432'}`
  switch (codeOf(cause)) {
    case '28P01':
    case '28000':
      return `The database of ${setting} at ${place} does not let ${decodeURIComponent(username)} in. Correct user and password there, or pg_hba.conf of the server.`
    case '3D000':
      return `There is no database ${decodeURIComponent(pathname.slice(1))} at ${place}. Make it with createdb, or correct ${setting}.`
    case '53300':
      return `The database of ${setting} at ${place} takes no more connections. Raise max_connections there, or start fewer processes.`
    default:
      return `The database of ${setting} at ${place} cannot be reached. Start it, or correct ${setting}; without DATABASE_URL an embedded server is used.`
  }
}

const differing = () =>
  new StartupProblem(
    'DATABASE_URL and DATABASE_ADMIN_URL do not point to the same database. Correct one of them.',
  )

const notAllowed = (adminUrl: string, cause: unknown) => {
  const { username, pathname } = new URL(adminUrl)
  return new StartupProblem(
    `The role ${decodeURIComponent(username)} may not make the tables in the database ${decodeURIComponent(pathname.slice(1))}. Make it the owner of the database, or set DATABASE_ADMIN_URL to a role that may.`,
    { cause },
  )
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined
