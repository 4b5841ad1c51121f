import { randomBytes } from 'node:crypto'
import type { Hono } from 'hono'
import { accessTokens } from '../../src/adapters/access-tokens.ts'
import { FlowDrawer } from '../../src/adapters/diagram/flow-drawer.ts'
import { createApp } from '../../src/app.tsx'
import { sessionKeeper } from '../../src/db/sessions.ts'
import { addUser } from '../../src/db/users.ts'
import { tokenPlace } from '../../src/domain/auth/access-token.ts'
import type { Role, SignedInUser } from '../../src/domain/auth/user.ts'
import { firstRecordsStored } from '../../src/domain/datasets/first-records.ts'
import { detectStored } from '../../src/domain/datasets/receive-file.ts'
import { noHistory } from '../../src/domain/flows/monitor/flow-history.ts'
import { examineRecord } from '../../src/domain/pipeline/examine-record.ts'
import type { ProgressHub } from '../../src/domain/pipeline/progress.ts'
import { recordTextStored } from '../../src/domain/pipeline/record-text.ts'
import type { Runs } from '../../src/domain/pipeline/request-run.ts'
import { refuse } from '../../src/domain/result.ts'
import type { HostSystem } from '../../src/domain/system/system-state.ts'
import type { KeyKeeper } from '../../src/domain/vault/key-state.ts'
import { type Vault, VaultError } from '../../src/domain/vault/vault.ts'
import { keyRotations } from '../../src/jobs/key-rotation.ts'
import { createLog } from '../../src/log.ts'
import type { AppDeps, AppEnv } from '../../src/routes/app-context.ts'
import { testDatabase } from './database.ts'
import { playedFlows } from './flows/watched.ts'

export const publicUrl = 'http://signalbox.test'

/** Someone of the standing cast, with the cookie of a session. */
export interface Member extends SignedInUser {
  readonly cookie: string
}

export interface TestApp {
  readonly app: Hono<AppEnv>
  readonly deps: AppDeps
  /** The role that owns the tables, for what the application may not look at. */
  readonly adminUrl: string
  /** Everything that was logged, as JSON lines. */
  readonly logged: string[]
  /** An administrator, a moderator, a user, someone who only reads, and a user of another team. */
  readonly owner: Member
  readonly moderator: Member
  readonly colleague: Member
  readonly viewer: Member
  readonly outsider: Member
  /** The same person with another session. */
  again(who: Member): Promise<Member>
  /** Moves the app's clock. */
  advance(seconds: number): void
  /** From now on the app's clock goes on by `advance` alone: how long a request takes on this machine decides nothing. */
  stopClock(): void
  /** As a browser would ask: HTML, same origin, with the member's cookie. */
  request(who: Member | undefined, path: string, init?: RequestInit): Promise<Response>
  /** A form as a browser would send it. */
  post(who: Member | undefined, path: string, fields?: Record<string, string>): Promise<Response>
  close(): Promise<void>
}

/**
 * The app over a database of its own, with a standing cast that is signed in.
 * @param keeper whose master keys the page of the keys shows
 */
export async function signedInApp(
  overrides: Partial<AppDeps> = {},
  keeper: RotatedKeys = noKeys,
): Promise<TestApp> {
  const database = await testDatabase()
  const closing = new AbortController()
  const logged: string[] = []
  const log = createLog({ level: 'debug' }, { write: (line: string) => void logged.push(line) })
  let ahead = 0
  let stoppedAt: number | undefined
  const clock = () => new Date((stoppedAt ?? Date.now()) + ahead)
  // A busy machine decides no test.
  const drawer = new FlowDrawer(log, { waitMs: 60_000, timeoutMs: 60_000 })
  const deps: AppDeps = {
    db: database.db,
    vault: emptyVault,
    detect: detectStored(overrides.vault ?? emptyVault),
    readFirstRecords: firstRecordsStored(overrides.vault ?? emptyVault),
    readRecordText: recordTextStored(overrides.vault ?? emptyVault),
    examineRecord: async (asked) => examineRecord(asked),
    runs: noRuns,
    keys: keyRotations({ db: database.db, vault: keeper, log }),
    tokens: await accessTokens(randomBytes(32), tokenPlace(publicUrl)),
    host: testHost,
    config: { publicUrl, secureCookies: false, maxUploadBytes: 64 * 1024 * 1024, secondFactor: 'optional' },
    log,
    clock,
    random: randomBytes,
    closing: closing.signal,
    progress: quietHub,
    flowHistory: noHistory,
    drawFlow: drawer.draw,
    tryFlow: drawer.tryFlow,
    flows: playedFlows([], () => clock().getTime()).monitor,
    ...overrides,
  }
  const app = createApp(deps)

  const signedIn = async (user: SignedInUser): Promise<Member> => {
    const keeper = sessionKeeper(deps.db, { secure: deps.config.secureCookies, clock })
    const session = await keeper.createSession(user.id, { userAgent: 'test browser' })
    return { ...user, cookie: `${keeper.sessionCookieName}=${session.id}` }
  }
  const member = async (id: string, role: Role): Promise<Member> => {
    const user = { id: `usr_${id}`, name: `${id} person`, email: `${id}@example.org`, role }
    await addUser(deps.db, user, '!', clock())
    return signedIn(user)
  }

  const request: TestApp['request'] = async (who, path, init = {}) => {
    const headers = new Headers({ Accept: 'text/html', 'Sec-Fetch-Site': 'same-origin' })
    if (who) headers.set('Cookie', who.cookie)
    for (const [name, value] of new Headers(init.headers)) headers.set(name, value)
    return app.request(`${publicUrl}${path}`, { ...init, headers })
  }

  return {
    app,
    deps,
    adminUrl: database.adminUrl,
    logged,
    owner: await member('owner', 'admin'),
    moderator: await member('moderator', 'moderator'),
    colleague: await member('colleague', 'user'),
    viewer: await member('viewer', 'viewer'),
    outsider: await member('outsider', 'user'),
    again: ({ id, name, email, role }) => signedIn({ id, name, email, role }),
    advance: (seconds) => {
      ahead += seconds * 1000
    },
    stopClock: () => {
      stoppedAt ??= Date.now()
    },
    request,
    post: (who, path, fields = {}) =>
      request(who, path, { method: 'POST', body: new URLSearchParams(fields) }),
    async close() {
      closing.abort()
      await database.drop()
    },
  }
}

const nothingThere = async (): Promise<never> => {
  throw new VaultError('missing', 'this vault is empty')
}
/** For tests that need no objects; others hand over a local vault. */
export const emptyVault: Vault = {
  createKey: async () => {},
  destroyKey: async () => {},
  deriveKey: async () => new Uint8Array(32),
  write: nothingThere,
  writeBytes: nothingThere,
  open: nothingThere,
  // Open, though empty: the canary is there.
  readBytes: async ({ kind }) => (kind === 'canary' ? new Uint8Array() : nothingThere()),
  remove: async () => {},
  async *list() {},
  sweepTemporary: async () => 0,
}

type RotatedKeys = Pick<KeyKeeper, 'keyState' | 'rotate' | 'retire'>
const noKeys: RotatedKeys = {
  keyState: async () => ({
    sealed: undefined,
    masterKeys: [],
    damagedKeys: [],
    oldestKeyAt: undefined,
    destroyed: 0,
    destroyedAgain: [],
  }),
  rotate: async () => refuse('conflict', 'This test has no keys.'),
  retire: async () => refuse('conflict', 'This test has no keys.'),
}

const testHost: HostSystem = {
  version: '1.2.3',
  nodeVersion: '24.0.0',
  startedAt: new Date('2026-11-20T08:00:00Z'),
  settings: [
    { name: 'PORT', value: '3000', isGiven: false },
    { name: 'METRICS_TOKEN', value: 'set', isGiven: true },
  ],
  disk: async () => ({ freeBytes: 60e9, totalBytes: 100e9 }),
}

const noRuns: Runs = {
  start: async () => refuse('unavailable', 'This test starts no runs.'),
  cancel: async () => refuse('unavailable', 'This test starts no runs.'),
  resume: async () => refuse('unavailable', 'This test starts no runs.'),
}

const quietHub: ProgressHub = { async *watch() {} }
