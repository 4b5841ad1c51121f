import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { vi } from 'vitest'
import { type OpenedVault, openLocalVault, type VaultFolders } from '../../src/adapters/local-vault.ts'
import { readLedger } from '../../src/db/advance-run.ts'
import { receivePorts } from '../../src/db/receive-ports.ts'
import { addUser } from '../../src/db/users.ts'
import type { Caller } from '../../src/domain/audit/entry.ts'
import { detectStored, receiveFile } from '../../src/domain/datasets/receive-file.ts'
import { differenceOf } from '../../src/domain/pipeline/ledger.ts'
import type { RunRequest } from '../../src/domain/pipeline/request-run.ts'
import { RunConfiguration, type RunStatus } from '../../src/domain/pipeline/run.ts'
import { type Engine, type EngineDeps, startEngine } from '../../src/jobs/engine.ts'
import { createLog } from '../../src/log.ts'
import { type TestDatabase, testDatabase } from './database.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Database, vault and as many engines as a test starts, as in one process or in several. */
export interface Workshop {
  readonly db: TestDatabase['db']
  readonly database: TestDatabase
  readonly vault: OpenedVault
  readonly vaultFolders: VaultFolders
  /** Everything that was logged, as JSON lines. */
  readonly logged: string[]
  engine(options?: Partial<EngineDeps>): Promise<Engine>
  dataset(user: string, content: string | Uint8Array): Promise<string>
  start(
    engine: Engine,
    user: string,
    datasetId: string,
    configuration?: Partial<RunConfiguration>,
    more?: Partial<RunRequest>,
  ): Promise<string>
  /** Waits until the run is over, and answers how. */
  over(runId: string): Promise<RunStatus>
  /** Name and SHA-256 of each export. */
  output(runId: string): Promise<Record<string, string | null>>
  ledger(runId: string): Promise<Record<string, { in: number; out: number; reasons: Record<string, number> }>>
  /** What keeps the books from balancing. */
  difference(runId: string): Promise<string | undefined>
  events(runId: string, kind?: string): Promise<string[]>
  close(): Promise<void>
}

export const callerOf = (user: string): Caller => ({
  actor: { kind: 'user', id: `usr_${user}` },
  requestId: 'req_test',
})

/** ShareGPT lines; `say` gives the first words of each. */
export const conversations = (count: number, say: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) =>
    JSON.stringify({
      conversations: [
        { from: 'human', value: say(at) },
        { from: 'gpt', value: `An answer to number ${at}, and a question in return?` },
      ],
    }),
  ).join('\n')

export async function workshop(): Promise<Workshop> {
  const database = await testDatabase()
  const folder = await temporaryFolder('engine')
  const vaultFolders = { keysFolder: join(folder, 'keys'), objectsFolder: join(folder, 'vault') }
  await mkdir(vaultFolders.objectsFolder, { recursive: true })
  const vault = await openLocalVault(vaultFolders)
  const logged: string[] = []
  const log = createLog({ level: 'debug' }, { write: (line: string) => void logged.push(line) })
  const clock = () => new Date()
  const engines: Engine[] = []
  const users = new Set<string>()
  const { db } = database
  const read = (runId: string) => db.selectFrom('runs').selectAll().where('id', '=', runId)

  return {
    db,
    database,
    vault,
    vaultFolders,
    logged,
    async engine(options = {}) {
      const engine = await startEngine({
        db,
        url: database.url,
        vaultFolders,
        createKey: (owner) => vault.createKey(owner),
        log,
        workers: 2,
        limits: { perUser: 4, total: 16 },
        clock,
        random: randomBytes,
        changed: () => {},
        ...options,
      })
      engines.push(engine)
      return engine
    },
    async dataset(user, content) {
      if (!users.has(user)) {
        users.add(user)
        const person = {
          id: `usr_${user}`,
          name: user,
          email: `${user}@example.org`,
          role: 'user',
        } as const
        await addUser(db, person, '!', clock())
      }
      const ports = receivePorts({
        db,
        vault,
        detect: detectStored(vault),
        clock,
        random: randomBytes,
        maxBytes: 2 ** 30,
      })
      const upload = { name: 'talks', fileName: 'talks', bytes: bytesOf(content) }
      const received = await receiveFile(ports, callerOf(user), upload)
      if (!received.ok) throw new Error(received.problem.message)
      return received.value.datasetId
    },
    async start(engine, user, datasetId, configuration = {}, more = {}) {
      const started = await engine.runs.start(callerOf(user), {
        datasetIds: [datasetId],
        configuration: RunConfiguration.parse(configuration),
        ...more,
      })
      if (!started.ok) throw new Error(started.problem.message)
      return started.value
    },
    over: (runId) =>
      vi.waitUntil(
        async () => {
          const { status } = await read(runId).executeTakeFirstOrThrow()
          return status === 'queued' || status === 'running' ? undefined : status
        },
        { timeout: 170_000, interval: 50 },
      ),
    async output(runId) {
      const files = await db
        .selectFrom('runExports')
        .select(['path', 'sha256'])
        .where('runId', '=', runId)
        .execute()
      return Object.fromEntries(files.map(({ path, sha256 }) => [path, sha256]))
    },
    async ledger(runId) {
      const rows = await db.transaction().execute((trx) => readLedger(trx, runId))
      return Object.fromEntries(
        rows.map((row) => [row.stage, { in: row.in, out: row.out, reasons: { ...row.reasons } }]),
      )
    },
    async difference(runId) {
      const run = await read(runId).executeTakeFirstOrThrow()
      const rows = await db.transaction().execute((trx) => readLedger(trx, runId))
      const { unitsIn, unitsGrouped, unitsQuarantined } = run
      return differenceOf(rows, { in: unitsIn, grouped: unitsGrouped, quarantined: unitsQuarantined })
    },
    async events(runId, kind) {
      const rows = await db
        .selectFrom('runEvents')
        .select('message')
        .where('runId', '=', runId)
        .$if(kind !== undefined, (query) => query.where('kind', '=', kind ?? ''))
        .orderBy('id')
        .execute()
      return rows.map((row) => row.message)
    },
    async close() {
      for (const engine of engines) await engine.stop()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function* bytesOf(content: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content)
}
