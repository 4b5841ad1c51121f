// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of flow files look like this
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { createServer as createWebServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { checkRunners, type OpenCheckRunners } from '../../src/adapters/checks/index.ts'
import { flowHistory } from '../../src/db/flow-history.ts'
import type { FlowMonitorProcess } from '../../src/jobs/flow-monitor.ts'
import { createLog } from '../../src/log.ts'
import { signedInApp, type TestApp } from '../support/app.ts'
import { asAdmin } from '../support/audit.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { liveMonitor } from '../support/flows/live-monitor.ts'
import { type SearchedDatabase, searchDatabase } from '../support/plain-text.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** What a variable of the environment brings into a flow file: nobody may ever be shown it. */
const secret = `heron${randomBytes(9).toString('hex')}`
/** Begins like a port, so that an address which holds it unescaped is taken apart in the wrong place. */
const slashed = `12/${secret}`

const checkIds = [
  'let_in',
  'wrong_password',
  'no_database',
  'wrong_query',
  'nobody_listens',
  'no_such_name',
  'not_postgres',
  'silent',
  'slash_in_password',
  'hash_in_password',
  'no_address',
  'web',
  'web_nobody',
  'web_condition',
] as const

const dsnOf = (id: string) => `dsn: "\${DSN_${id.toUpperCase()}}"`
const flowText = `version: 1
flow: {id: secretive, name: Secretive}
variables:
  SECRET_HEADER: "Bearer \${SECRET}"
processes:
  - {id: store, name: Store}
  - {id: web, name: Web}
connections: [{from: store, to: web}]
defaults: {check: {interval: 1s, timeout: 500ms}}
health_checks:
${(
  [
    'let_in',
    'wrong_password',
    'no_database',
    'nobody_listens',
    'no_such_name',
    'not_postgres',
    'silent',
    'slash_in_password',
    'hash_in_password',
    'no_address',
  ] as const
)
  .map((id) => `  - {id: ${id}, process: store, type: db_connect, ${dsnOf(id)}}`)
  .join('\n')}
  - {id: wrong_query, process: store, type: db_query, ${dsnOf('let_in')}, query: "select n from nowhere", value: n, fail: "1"}
  - {id: web, process: web, type: http, url: "\${WEB}", headers: {Authorization: "\${SECRET_HEADER}"}, conditions: ["[STATUS] == 500"]}
  - {id: web_nobody, process: web, type: http, url: "\${WEB_NOBODY}", headers: {Authorization: "\${SECRET_HEADER}"}}
  - {id: web_condition, process: web, type: http, url: "\${WEB}", conditions: ["[BODY] == \${SECRET}"]}
`
/** Refused: variables are filled in where they are wrong. */
const refusedText = `version: 1
flow: {id: "\${SECRET} x", name: "\${SECRET}"}
processes: [{id: store}]
health_checks:
  - {id: a, process: "\${SECRET}", type: db_connect, dsn: "\${SECRET}", interval: "\${SECRET}", colour: "\${SECRET}"}
  - {id: b, process: store, type: freshness, dsn: "\${DSN_LET_IN}", query: "\${SECRET}", deadline_cron: "\${SECRET} * * * *", lower_bound: 1h}
  - {id: c, process: store, type: http, url: "\${SECRET}", conditions: ["[STATUS] < \${SECRET}"]}
`

let database: TestDatabase
let web: TestApp
let folder: string
let runners: OpenCheckRunners
let monitor: FlowMonitorProcess
let searched: SearchedDatabase
const servers: Server[] = []
const logged: string[] = []
const answers = new Map<string, string>()

const listening = async (server: Server): Promise<number> => {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** What a page, an endpoint or the first event of a stream says, with its headers. */
async function ask(path: string, init?: RequestInit): Promise<void> {
  const answer = await web.request(web.owner, path, init)
  const headers = JSON.stringify([...answer.headers])
  if (!path.endsWith('/events')) return void answers.set(path, headers + (await answer.text()))
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (reader !== undefined && !text.includes('\n\n')) {
    const { value, done } = await reader.read()
    if (done) break
    text += value
  }
  await reader?.cancel()
  answers.set(path, headers + text)
}

beforeAll(async () => {
  database = await testDatabase()
  folder = await temporaryFolder('flow-secrets')
  const webPort = await listening(createWebServer((_, answer) => answer.end('nothing to see')))
  const silentPort = await listening(createServer(() => {}))
  const closed = createServer()
  const closedPort = await listening(closed)
  closed.close()

  const right = new URL(database.url)
  const dsn = (change: (url: URL) => void) => {
    const url = new URL(right)
    url.username = 'watcher'
    url.password = secret
    change(url)
    return url.href
  }
  const at = (port: number) => dsn((url) => (url.port = String(port)))
  const environment = {
    SECRET: secret,
    DSN_LET_IN: `${database.url}?fallback_application_name=${secret}`,
    DSN_WRONG_PASSWORD: dsn(() => {}),
    DSN_NO_DATABASE: `${new URL('/nowhere', right).href}?password=${secret}`,
    DSN_NOBODY_LISTENS: at(closedPort),
    DSN_NO_SUCH_NAME: dsn((url) => (url.hostname = 'nowhere.invalid')),
    DSN_NOT_POSTGRES: at(webPort),
    DSN_SILENT: at(silentPort),
    DSN_SLASH_IN_PASSWORD: `postgres://watcher:${slashed}@127.0.0.1/x`,
    DSN_HASH_IN_PASSWORD: `postgres://${secret}#x:y@127.0.0.1/x`,
    DSN_NO_ADDRESS: `postgres://watcher:${secret} %zz@[127.0.0.1/x`,
    WEB: `http://watcher:${secret}@127.0.0.1:${webPort}/${secret}?token=${secret}`,
    WEB_NOBODY: `http://watcher:${secret}@127.0.0.1:${closedPort}/?token=${secret}`,
  }
  await writeFile(join(folder, 'secretive.yaml'), flowText)
  await writeFile(join(folder, 'refused.yaml'), refusedText)
  const log = createLog({ level: 'debug' }, { write: (line: string) => void logged.push(line) })
  runners = checkRunners({
    settings: { pluginFolders: [], baseFolder: folder },
    pings: { read: () => Promise.resolve({ listeningSince: 0 }) },
  })
  monitor = liveMonitor(database, folder, runners, { environment, log })
  await monitor.loaded
  web = await signedInApp({ flows: monitor, flowHistory: flowHistory(database.db, () => new Date()), log })

  const known = () => monitor.picture('secretive')?.assessment.checks
  await vi.waitFor(
    () => expect(checkIds.filter((id) => known()?.get(id)?.memory === undefined)).toEqual([]),
    { timeout: 30_000, interval: 50 },
  )
  // What was found is also written down.
  await vi.waitFor(
    async () => {
      const [row] = await asAdmin(database.adminUrl, 'select count(*)::int as count from check_memories')
      expect(row?.count).toBe(checkIds.length)
    },
    { timeout: 30_000, interval: 50 },
  )

  for (const path of [
    '/',
    '/flows',
    '/flows/secretive',
    '/flows/secretive/live',
    '/flows/secretive/history',
    '/flows/secretive/events',
    '/flows/secretive/drawing',
    '/flows/secretive/configuration',
    '/flows/secretive/mermaid',
    '/flows/secretive/processes/store',
    '/flows/secretive/processes/web',
    '/board/secretive',
    '/board/secretive/live',
    '/board/secretive/events',
    '/status',
    '/status?flow=secretive',
    '/health',
    '/ready',
    '/diagram?flow=secretive',
    '/diagram/svg?flow=secretive',
    '/metrics',
    '/admin/system',
  ]) {
    await ask(path)
  }
  await monitor.stop()
  searched = await searchDatabase(database.adminUrl, secret)
})
afterAll(async () => {
  await runners?.close()
  for (const server of servers) server.close()
  await web?.close()
  await database?.drop()
  await rm(folder, { recursive: true, force: true })
})

describe('a secret that a variable brings into a flow file', () => {
  test('is used: the check that it lets in passes, the others fail as they should', () => {
    const checks = monitor.picture('secretive')?.assessment.checks
    const outcomes = Object.fromEntries(checkIds.map((id) => [id, checks?.get(id)?.memory?.result.outcome]))
    expect(outcomes).toMatchObject({
      let_in: 'pass',
      nobody_listens: 'fail',
      web: 'fail',
      web_condition: 'fail',
    })
    expect(Object.values(outcomes).filter((outcome) => outcome === 'pass')).toHaveLength(1)
  })

  test('is on no page, in no answer and in no event', () => {
    expect(answers.get('/flows/secretive/configuration')).toContain('${DSN_WRONG_PASSWORD}')
    expect(answers.get('/flows')).toContain('refused.yaml is refused')
    expect(answers.get('/flows/secretive/events')).toContain('event: state')
    expect(answers.get('/flows/secretive/processes/store')).toContain('wrong_password')
    expect([...answers].filter(([, text]) => text.includes(secret)).map(([path]) => path)).toEqual([])
  })

  test('is in no line of the log', () => {
    expect(logged.length).toBeGreaterThan(0)
    expect(logged.filter((line) => line.includes(secret))).toEqual([])
  })

  test('is in no table, and in no file of the database', () => {
    expect(searched.tables).toEqual(
      expect.arrayContaining(
        ['check_memories', 'check_results', 'check_transitions', 'check_rows', 'flow_texts'].map(
          (table) => `public.${table}`,
        ),
      ),
    )
    expect(searched).toMatchObject({ hits: [], heap: [], wal: [] })
  })
})
