import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { forgetWhenSealed } from './adapters/key-watch.ts'
import { type OpenedVault, openLocalVault, type VaultFolders } from './adapters/local-vault.ts'
import type { Config } from './config.ts'
import { ensureApplicationRole } from './db/application-role.ts'
import { connect } from './db/connection.ts'
import { startEmbeddedServer } from './db/embedded-server.ts'
import { prepareGivenDatabase } from './db/given-database.ts'
import { keptSecret } from './db/kept-secret.ts'
import { migrate } from './db/migrate.ts'
import type { Database } from './db/schema.ts'
import { isNoRoom } from './domain/system/disk-space.ts'
import { VaultError } from './domain/vault/vault.ts'
import { StartupProblem } from './startup-problem.ts'

/** What every front door stands on: portal, worker and command line alike. */
export interface Stack {
  readonly config: Config
  readonly log: Logger
  readonly db: Kysely<Database>
  /** Connection string of the application's role. */
  readonly url: string
  readonly vault: OpenedVault
  readonly vaultFolders: VaultFolders
  readonly random: (bytes: number) => Buffer
  close(): Promise<void>
}

/**
 * Database, migrations, vault, in this order; stops what it started when a later step fails.
 * @param whenSealed `wait`: a wrong or missing master key is no reason to stop; the vault refuses until it is put right
 * @throws StartupProblem with one sentence for whatever a person can put right
 */
export async function openStack(
  config: Config,
  log: Logger,
  whenSealed: 'refuse' | 'wait' = 'refuse',
): Promise<Stack> {
  const vaultFolders = vaultFoldersOf(config)
  const database = await (config.database.url === undefined
    ? embedded(config, log)
    : given(config.database.url, config)
  ).catch((error: unknown) => {
    throw isNoRoom(error) ? full(error, config) : error
  })
  try {
    const vault = await openLocalVault(vaultFolders, whenSealed).catch((error: unknown) => {
      if (isNoRoom(error)) throw full(error, config)
      throw error instanceof VaultError
        ? new StartupProblem(error.message, { cause: error })
        : unwritable(error, config)
    })
    // Whoever waits for its key lives long.
    const stopLooking = whenSealed === 'wait' ? forgetWhenSealed(vault) : () => {}
    const connection = connect(database.url, log)
    return {
      config,
      log,
      db: connection.db,
      url: database.url,
      vault,
      vaultFolders,
      random: randomBytes,
      async close() {
        stopLooking()
        await connection.close()
        await database.stop()
      },
    }
  } catch (error) {
    await database.stop()
    throw error
  }
}

export const vaultFoldersOf = ({ data }: Config): VaultFolders => ({
  keysFolder: data.keysFolder,
  objectsFolder: data.objectsFolder,
  masterKeyFile: data.masterKeyFile,
})

async function embedded(config: Config, log: Logger): Promise<{ url: string; stop(): Promise<void> }> {
  const server = await startEmbeddedServer({ folder: config.data.folder, log })
  try {
    await migrate(server.adminUrl)
    const password = await keptSecret(join(config.data.folder, 'postgres', 'application-password'))
    return { url: await ensureApplicationRole(server.adminUrl, password), stop: () => server.stop() }
  } catch (error) {
    await server.stop()
    throw error
  }
}

async function given(url: string, { database }: Config): Promise<{ url: string; stop(): Promise<void> }> {
  await prepareGivenDatabase(url, database.adminUrl ?? url)
  return { url, stop: async () => {} }
}

const full = (cause: unknown, config: Config) =>
  new StartupProblem(
    `The disk is full: nothing can be written below ${config.data.folder}, or by the database. Make room, and start again.`,
    { cause },
  )

const unwritable = (error: unknown, config: Config): unknown =>
  error instanceof Error &&
  'code' in error &&
  ['EACCES', 'EROFS', 'EPERM', 'ENOTDIR'].includes(String(error.code))
    ? new StartupProblem(unwritableSentence(error, config), { cause: error })
    : error

function unwritableSentence(error: Error, { data }: Config): string {
  const path = 'path' in error && typeof error.path === 'string' ? error.path : ''
  const [what, folder, setting] = `${path}/`.startsWith(`${data.keysFolder}/`)
    ? ['key', data.keysFolder, 'SIGNALBOX_KEYS']
    : ['data', data.folder, 'SIGNALBOX_DATA']
  return `The ${what} folder ${folder} cannot be written. Make it writable for this user, or set ${setting} to one that is.`
}
