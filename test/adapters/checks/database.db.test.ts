import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { runOne } from '../../support/flows/run-one.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const folder = await temporaryFolder('check-database')
const { run, verdict, runners } = runOne({ baseFolder: folder })
let database: TestDatabase
let admin: pg.Client
let dsn: string
const now = Date.UTC(2026, 10, 21, 12, 7)
const at = { now }

beforeAll(async () => {
  database = await testDatabase()
  admin = new pg.Client({ connectionString: database.adminUrl })
  await admin.connect()
  dsn = `dsn: "${database.url}"`
  await admin.query(`
    create table result (file text, algorithm text, status text, created_at timestamptz, noted timestamp);
    insert into result values
      ('f1', 'rotor', 'OK', '2026-11-21T11:30Z', '2026-11-21T11:30'),
      ('f1', 'tail', 'FAILED', '2026-11-21T11:10Z', '2026-11-21T11:10'),
      ('f2', 'rotor', 'OK', '2026-11-21T10:30Z', '2026-11-21T10:30'),
      ('f2', 'tail', 'OK', '2026-11-21T09:30Z', '2026-11-21T09:30');
    create table nothing (created_at timestamptz);
    create table hidden (id int);
    grant select on result, nothing to signalbox_app;
  `)
})
afterAll(async () => {
  await runners.close()
  await admin.end()
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

/** What the server says of the connections of checks. */
const activity = async (query: string) => {
  const { rows } = await admin.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
     where application_name = 'signalbox checks' and datname = current_database() and state = 'active' and query like $1`,
    [query],
  )
  return rows[0]?.count ?? 0
}

describe('db_connect', () => {
  test('passes when the database lets us in', async () => {
    expect(await verdict('db_connect', dsn)).toBe('pass')
  })
  test('fails when nobody listens, or it refuses us', async () => {
    const { port } = await closedPort()
    expect(await verdict('db_connect', `dsn: "postgres://a:b@127.0.0.1:${port}/x"`)).toBe('fail refused')
    const wrong = new URL(database.url)
    wrong.password = 'wrong'
    const said = await run('db_connect', `dsn: "${wrong.href}"`)
    expect(said).toMatchObject({ outcome: 'fail', reason: 'refused' })
    expect(JSON.stringify(said)).not.toContain('wrong')
    wrong.password = new URL(database.url).password
    wrong.pathname = '/none'
    expect(await verdict('db_connect', `dsn: "${wrong.href}"`)).toBe('fail refused')
    expect(await verdict('db_connect', 'dsn: "postgres://a:b@does-not-exist.invalid/x"')).toBe(
      'fail not_found',
    )
  })
  test('fails for what does not speak Postgres', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    expect(await verdict('db_connect', `dsn: "postgres://a:b@127.0.0.1:${port}/x"`)).toMatch(/^fail /)
    server.close()
  })
  test('ends its connection when time is over, also while it connects', async () => {
    let take: (socket: Socket) => void = () => {}
    const begun = new Promise<Socket>((resolve) => {
      take = resolve
    })
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => take(socket))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const ending = new AbortController()
    const running = verdict(
      'db_query',
      `dsn: "postgres://a:b@127.0.0.1:${port}/x", query: select 1 as n, value: n, fail: "5"`,
      {
        signal: ending.signal,
      },
    )
    const socket = await begun
    const gone = once(socket, 'close')
    ending.abort()
    expect(await running).toBe('unknown timeout')
    await gone
    server.close()
  })
})

describe('db_query', () => {
  const query = (sql: string, more: string) => `${dsn}, query: "${sql}", ${more}`
  test('passes, warns and fails by a number', async () => {
    expect(await verdict('db_query', query('select 5 as n', 'value: n, fail: "10"'))).toBe('pass')
    expect(await verdict('db_query', query('select 5::bigint as n', 'value: n, warn: "4", fail: "10"'))).toBe(
      'warn limit',
    )
    expect(await verdict('db_query', query('select 50 as n', 'value: n, fail: "10"'))).toBe('fail limit')
  })
  test('no row and NULL are no data', async () => {
    expect(await verdict('db_query', query('select 1 as n where false', 'value: n, fail: "10"'))).toBe(
      'unknown no_data',
    )
    expect(await verdict('db_query', query('select null::int as n', 'value: n, fail: "10"'))).toBe(
      'unknown no_data',
    )
  })
  test('judges conditions on rows', async () => {
    const conditions = `conditions: ["[ROW].status == OK", "len([ROWS]) == 4"]`
    expect(
      await verdict('db_query', query('select * from result order by created_at desc;', conditions)),
    ).toBe('pass')
  })
  test('asks what show answers', async () => {
    expect(
      await verdict('db_query', query('show max_connections', 'value: max_connections, fail: "1:"')),
    ).toBe('pass')
  })
  test('takes a table and values as queries', async () => {
    expect(await verdict('db_query', query('table result', 'conditions: ["len([ROWS]) == 4"]'))).toBe('pass')
    expect(await verdict('db_query', query('values (1)', 'value: column1, fail: "10"'))).toBe('pass')
  })
  test('tells of an error in the data without the data', async () => {
    const said = await run('db_query', query("select 'secret'::text::int as n", 'value: n, fail: "10"'))
    expect(said).toMatchObject({ outcome: 'unknown', reason: 'bad_value' })
    expect(JSON.stringify(said)).not.toContain('secret')
  })
  test('can only read, and asks one statement', async () => {
    const more = 'value: n, fail: "10"'
    expect(
      await verdict('db_query', query('with gone as (delete from result returning 1) select 1 as n', more)),
    ).toBe('unknown bad_value')
    expect(await verdict('db_query', query("select nextval('s') as n", more))).toBe('unknown bad_value')
    expect(await verdict('db_query', query('select 1 as n; commit; delete from result', more))).toBe(
      'unknown bad_value',
    )
    expect((await admin.query('select 1 from result')).rowCount).toBe(4)
  })
  test('cannot tell of a wrong query, or one that is not allowed', async () => {
    const more = 'value: n, fail: "10"'
    expect(await run('db_query', query('select n from away', more))).toMatchObject({
      reason: 'bad_value',
      message: 'The query is wrong: relation "away" does not exist.',
    })
    expect(await verdict('db_query', query('select id as n from hidden', more))).toBe('unknown permission')
    expect(await verdict('db_query', query('select 1 as n from generate_series(1, 20000)', more))).toBe(
      'unknown limit',
    )
  })
  test('takes only so much of an answer, be it one value or many rows', async () => {
    const more = 'conditions: ["len([ROWS]) == 1"]'
    const large = "select repeat('x', 20000000) as payload"
    expect(await run('db_query', query(large, more))).toMatchObject({
      outcome: 'unknown',
      reason: 'limit',
      message: expect.stringContaining('answers more than 16 MiB'),
    })
    const many = "select repeat('x', 10000) as payload from generate_series(1, 10000)"
    expect(await verdict('db_query', query(many, more))).toBe('unknown limit')
    const small = query("select repeat('x', 10000000) as payload", more)
    expect(await verdict('db_query', small)).toBe('pass')
    // Each answer has its own room, on a connection that goes on.
    expect(await verdict('db_query', small)).toBe('pass')
  })
  test('ends the statement on the server when time is over', async () => {
    const ending = new AbortController()
    const running = verdict('db_query', query('select pg_sleep(600)::text as n', 'value: n, fail: "10"'), {
      signal: ending.signal,
      timeout: 600_000,
    })
    while ((await activity('fetch%')) === 0);
    ending.abort()
    expect(await running).toBe('unknown timeout')
    while ((await activity('fetch%')) > 0);
  })
  test('the server keeps the limit as well', async () => {
    expect(
      await verdict('db_query', query('select pg_sleep(600)::text as n', 'value: n, fail: "10"'), {
        timeout: 50,
      }),
    ).toBe('unknown timeout')
  })
  test('a few connections serve many checks, and none is left in a transaction', async () => {
    const keys = query('select 1 as n', 'value: n, fail: "10"')
    const said = await Promise.all(Array.from({ length: 20 }, () => verdict('db_query', keys)))
    expect(new Set(said)).toEqual(new Set(['pass']))
    const { rows } = await admin.query(
      `select state from pg_stat_activity where application_name = 'signalbox checks' and datname = current_database()`,
    )
    expect(rows.length).toBeLessThanOrEqual(4)
    expect(new Set(rows.map((row) => row.state))).toEqual(new Set(['idle']))
  })
  test('one that waits for a connection ends in time as well', async () => {
    const ending = new AbortController()
    const sleeping = Array.from({ length: 4 }, () =>
      verdict('db_query', query('select pg_sleep(600)::text as n', 'value: n, fail: "10"'), {
        signal: ending.signal,
        timeout: 600_000,
      }),
    )
    while ((await activity('fetch%')) < 4);
    const waiting = new AbortController()
    const last = verdict('db_query', query('select 1 as n', 'value: n, fail: "10"'), {
      signal: waiting.signal,
    })
    waiting.abort()
    expect(await last).toBe('unknown timeout')
    // Whoever waits behind it is not forgotten.
    const behind = verdict('db_query', query('select 1 as n', 'value: n, fail: "10"'))
    ending.abort()
    expect(await behind).toBe('pass')
    expect(new Set(await Promise.all(sleeping))).toEqual(new Set(['unknown timeout']))
    expect(await verdict('db_query', query('select 1 as n', 'value: n, fail: "10"'))).toBe('pass')
  })
  test('a wrong query keeps its connection', async () => {
    const pid = async () =>
      (await run('db_query', query('select pg_backend_pid() as n', 'value: n, fail: "1:"'))).value
    const before = await pid()
    expect(await verdict('db_query', query('select n from away', 'value: n, fail: "1:"'))).toBe(
      'unknown bad_value',
    )
    expect(await pid()).toBe(before)
  })
  test('a lost idle connection is replaced', async () => {
    const keys = query('select 1 as n', 'value: n, fail: "10"')
    await run('db_query', keys)
    await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'signalbox checks' and datname = current_database()`,
    )
    const isLost = async () => (await verdict('db_query', keys)) !== 'pass'
    while (await isLost());
    expect(await verdict('db_query', keys)).toBe('pass')
  })
})

describe('freshness', () => {
  test('passes, warns and fails by the age of the newest row', async () => {
    const keys = `${dsn}, query: select max(created_at) from result`
    expect(await verdict('freshness', `${keys}, fail_after: 2h`, at)).toBe('pass')
    expect(await verdict('freshness', `${keys}, warn_after: 30m, fail_after: 2h`, at)).toBe('warn limit')
    expect(await verdict('freshness', `${keys}, fail_after: 30m`, at)).toBe('fail limit')
  })
  test('reads a table and column, and a timestamp without time zone as UTC', async () => {
    expect(await run('freshness', `${dsn}, table: result, column: noted, fail_after: 2h`, at)).toMatchObject({
      outcome: 'pass',
      value: 37 * 60_000,
    })
  })
  test('cannot tell of an empty table, or of what is no moment', async () => {
    expect(await verdict('freshness', `${dsn}, table: nothing, column: created_at, fail_after: 2h`, at)).toBe(
      'unknown no_data',
    )
    expect(await verdict('freshness', `${dsn}, query: select 1, fail_after: 2h`, at)).toBe(
      'unknown bad_value',
    )
  })
})

describe('volume and reconcile', () => {
  const counted = `metric: {type: db_query, query: "select count(*) from result where created_at >= :from and created_at < :to", bucket: 1h}`
  test('counts whole buckets, and remembers those that are over', async () => {
    expect(await run('volume', `${dsn}, ${counted}, min: 2`, at)).toMatchObject({ outcome: 'pass', value: 2 })
    const usual = 'anomaly: {history: 2h, min_samples: 2, direction: spike}'
    expect(await verdict('volume', `${dsn}, ${counted}, ${usual}`, at)).toBe('fail limit')
    await admin.query(`insert into result values ('f3', 'late', 'OK', '2026-11-21T10:40Z')`)
    expect((await run('volume', `${dsn}, ${counted}, ${usual}`, at)).expected).toBe('about 1')
    await admin.query(`delete from result where algorithm = 'late'`)
  })
  test('compares two counts within a window', async () => {
    const side = (where: string) =>
      `{type: db_query, window: 1h, query: "select count(*) from result where created_at >= :from and created_at < :to ${where}"}`
    const keys = (where: string) => `${dsn}, left: ${side('')}, right: ${side(where)}, tolerance: {fail: 5%}`
    expect(await verdict('reconcile', keys(''), at)).toBe('pass')
    expect(await verdict('reconcile', keys("and status = 'OK'"), at)).toBe('fail limit')
  })
  test('cannot tell without a window, or without a number', async () => {
    const side = (sql: string) => `{type: db_query, query: "${sql}"}`
    const keys = (sql: string) => `${dsn}, left: ${side(sql)}, right: ${side(sql)}, tolerance: {fail: 5%}`
    expect(await verdict('reconcile', keys('select count(*) from result where created_at > :from'), at)).toBe(
      'unknown bad_value',
    )
    expect(await verdict('reconcile', keys("select 'x'"), at)).toBe('unknown bad_value')
    expect(await verdict('reconcile', keys('select null::int'), at)).toBe('unknown no_data')
  })
  test('finds its placeholders and nothing else', async () => {
    const sql = "select count(*)::int from result where created_at::text <> ':from' and created_at > :from"
    const side = `{type: db_query, window: 1h, query: "${sql}"}`
    expect(
      await run('reconcile', `${dsn}, left: ${side}, right: ${side}, tolerance: {fail: "0"}`, at),
    ).toMatchObject({ outcome: 'pass', message: '2 in, 2 out: 0 unexplained.' })
  })
})

describe('results', () => {
  const keys = 'key: [file, algorithm], ok_when: "[ROW].status == OK"'
  test('judges the failed share, and keeps the rows', async () => {
    const said = await run(
      'results',
      `${dsn}, query: "select file, algorithm, status, created_at from result order by created_at desc", ${keys}, failed_ratio: {warn: "2", fail: "50"}`,
      at,
    )
    expect(said).toMatchObject({
      outcome: 'warn',
      evidence: [{ label: 'result', value: 'f1 / tail' }],
    })
    expect(said.rows).toHaveLength(4)
    expect(said.rows?.[0]).toEqual({
      file: 'f1',
      algorithm: 'rotor',
      status: 'OK',
      created_at: '2026-11-21T11:30:00.000Z',
    })
  })
  test('keeps the failed ones where not all can be kept', async () => {
    const { rows, outcome } = await run(
      'results',
      `${dsn}, query: "select n as file, 'a' as algorithm, case when n > 1999 then 'BAD' else 'OK' end as status from generate_series(1, 2000) n", ${keys}, failed_ratio: {fail: "50"}`,
      at,
    )
    expect([outcome, rows?.length, rows?.[0]?.file]).toEqual(['pass', 500, 2000])
  })
  test('reads the newest files of JSON lines', async () => {
    await mkdir(join(folder, 'results'))
    await writeFile(
      join(folder, 'results/a.jsonl'),
      '{"file":"f1","algorithm":"a","status":"OK"}\n\n{"file":"f2","algorithm":"a","status":"NO"}\n{"file":"f3',
    )
    const said = await run('results', `jsonl: results/*.jsonl, ${keys}, failed_ratio: {fail: "10"}`, at)
    expect([said.outcome, said.rows?.length]).toEqual(['fail', 2])
    await writeFile(join(folder, 'results/b.jsonl'), 'no JSON\n')
    expect(
      await run('results', `jsonl: results/b.jsonl, ${keys}, failed_ratio: {fail: "10"}`, at),
    ).toMatchObject({
      reason: 'bad_value',
      message: 'results/b.jsonl, line 1: one JSON object a line is needed.',
    })
    expect(await verdict('results', `jsonl: away/*.jsonl, ${keys}, failed_ratio: {fail: "10"}`, at)).toBe(
      'unknown no_data',
    )
  })
})

async function closedPort(): Promise<{ port: number }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return { port }
}
