import { describe, expect, test } from 'vitest'
import type { CheckResult } from '../../../src/domain/flows/checks/check-result.ts'
import { command } from '../../../src/domain/flows/checks/command.ts'
import type { FileFact } from '../../../src/domain/flows/checks/files.ts'
import { parsePluginOutput } from '../../../src/domain/flows/checks/plugin-output.ts'
import { performanceInWords, quantityInWords } from '../../../src/domain/flows/checks/quantity.ts'
import {
  type CheckTypeName,
  checkTypes,
  type MeasurementOf,
} from '../../../src/domain/flows/checks/registry.ts'
import { resultRow } from '../../../src/domain/flows/checks/result-row.ts'
import { chain, flowOf } from '../../support/flows/flow-text.ts'

const minute = 60_000
const now = Date.UTC(2026, 10, 21, 12, 7)
const dsn = 'dsn: "postgres:///x"'

/** A check as a file would say it, judged on a measurement. */
function judge<N extends CheckTypeName>(type: N, keys: string, measured: MeasurementOf<N>): CheckResult {
  const check = flowOf(chain({ more: `  - {id: x, process: a, type: ${type}, ${keys}}` })).checks.find(
    (each) => each.id === 'x',
  )
  const { judge }: { judge(p: unknown, m: unknown, c: unknown): CheckResult } = checkTypes[type]
  return judge(check?.parameters, measured, {
    now,
    timezone: 'Europe/London',
    ...(check?.schedule === undefined ? {} : { schedule: check.schedule }),
  })
}
const verdict = <N extends CheckTypeName>(type: N, keys: string, measured: MeasurementOf<N>) => {
  const { outcome, reason } = judge(type, keys, measured)
  return reason === undefined ? outcome : `${outcome} ${reason}`
}
const file = (age: number, more: Partial<FileFact> = {}): FileFact => ({
  path: `/data/${age}.zip`,
  size: 100,
  modifiedAt: now - age,
  kind: 'file',
  readable: true,
  ...more,
})
const files = (...found: FileFact[]) => ({ files: found, truncated: false })

describe('what was measured is told as people read it', () => {
  test.each([
    [0.4, 'ms', '0.4 ms'],
    [12.34, 'ms', '12 ms'],
    [11_651, 'ms', '11.6 s'],
    [59_999, 'ms', '59.9 s'],
    [50 * minute, 'ms', '50 min'],
    [1.176_470_588_235_294_2, 'percent', '1.2 %'],
    [5, 'percent', '5 %'],
    [0.001, 'percent', '0.1 %'],
    [99.99, 'percent', '99.9 %'],
    [11_651, 'count', '11,651'],
    [2 / 3, 'count', '0.667'],
    [512, 'bytes', '512 B'],
    [4.5 * 2 ** 30, 'bytes', '4.5 GiB'],
    [20_261_121.123, undefined, '20261121.12'],
  ] as const)('%d of the unit %s is %s', (value, unit, words) => {
    expect(quantityInWords(value, unit)).toBe(words)
  })

  test.each([
    [1.5, 's', '1.5 s'],
    [0.000_123, 's', '0.1 ms'],
    [2_048, 'B', '2.0 KiB'],
    [97.123, '%', '97.1 %'],
    [12, 'c', '12'],
    [2.71349, '', '2.71'],
    [7, 'MB', '7 MB'],
  ])('performance data %d %s is %s', (value, unit, words) => {
    expect(performanceInWords(value, unit)).toBe(words)
  })

  test('by the judges too, with the limits in the same unit', () => {
    const rows = Array.from({ length: 85 }, (_, at) => ({ id: at, status: at === 0 ? 'BAD' : 'OK' }))
    expect(
      judge('results', '"jsonl": "/r", key: [id], ok_when: "[ROW].status == OK", failed_ratio: {fail: "1"}', {
        rows,
        durationMs: 1,
      }),
    ).toMatchObject({ outcome: 'fail', observed: '1.2 %', expected: 'at most 1 %' })
    expect(judge('file_fresh', 'glob: g, max_age: 30m', files(file(11_651)))).toMatchObject({
      observed: '11.6 s',
      value: 11_651,
    })
    expect(
      judge('disk', 'path: /, free: {fail: 10GiB}', { freeBytes: 5 * 2 ** 30, totalBytes: 20 * 2 ** 30 }),
    ).toMatchObject({ outcome: 'fail', observed: '5.0 GiB (25 %)', value: 5 * 2 ** 30 })
  })
})

test('rows of the drill-down are plain, and bounded', () => {
  expect(
    resultRow({
      text: 'x'.repeat(1_000),
      many: 2n ** 60n,
      at: new Date(now),
      none: undefined,
      odd: Number.NaN,
      list: [1, 2],
      yes: true,
    }),
  ).toEqual({
    text: `${'x'.repeat(300)}…`,
    many: '1152921504606846976',
    at: '2026-11-21T12:07:00.000Z',
    none: null,
    odd: 'NaN',
    list: '[1,2]',
    yes: 'true',
  })
})

describe('file_exists', () => {
  test('passes when enough are there', () =>
    expect(verdict('file_exists', 'glob: g', files(file(1)))).toBe('pass'))
  test('has no data where a glob matches nothing, but misses a named file', () => {
    expect(verdict('file_exists', 'glob: g', files())).toBe('unknown no_data')
    expect(verdict('file_exists', 'path: g', files())).toBe('fail not_found')
    expect(verdict('file_exists', 'glob: g, min_count: 0', files())).toBe('pass')
  })
  test('fails by number and size', () => {
    expect(verdict('file_exists', 'glob: g, max_count: 1', files(file(1), file(2)))).toBe('fail limit')
    expect(verdict('file_exists', 'glob: g, min_size: 1KiB', files(file(1)))).toBe('fail limit')
    expect(verdict('file_exists', 'glob: g, readable: true', files(file(1, { readable: false })))).toBe(
      'fail limit',
    )
  })
  test('cannot tell when the walk was cut short', () => {
    const cutShort = { files: [file(1)], truncated: true }
    expect(verdict('file_exists', 'glob: g, min_count: 5', cutShort)).toBe('unknown no_data')
    for (const asksOfAll of ['max_count: 5', 'min_size: 1B', 'max_size: 1KiB', 'readable: true']) {
      expect(verdict('file_exists', `glob: g, ${asksOfAll}`, cutShort)).toBe('unknown no_data')
    }
    expect(
      verdict('file_exists', 'glob: g, max_count: 1', { ...files(file(1), file(2)), truncated: true }),
    ).toBe('fail limit')
    expect(verdict('file_exists', 'glob: g', cutShort)).toBe('pass')
  })
})

describe('file_fresh', () => {
  const keys = 'glob: g, warn_age: 20m, max_age: 45m'
  test('goes by the age of the newest file, and says how long is left', () => {
    expect(judge('file_fresh', keys, files(file(5 * minute), file(90 * minute)))).toMatchObject({
      outcome: 'pass',
      failsIn: 40 * minute,
    })
    expect(verdict('file_fresh', keys, files(file(30 * minute)))).toBe('warn limit')
    expect(verdict('file_fresh', keys, files(file(46 * minute)))).toBe('fail limit')
  })
  test('is UNKNOWN for a file from the future, or none', () => {
    expect(verdict('file_fresh', keys, files(file(-minute)))).toBe('unknown clock')
    expect(verdict('file_fresh', keys, files())).toBe('unknown no_data')
  })
  test('does not count a file that is still being written', () => {
    expect(verdict('file_fresh', `${keys}, stable_for: 10s`, files(file(5_000), file(50 * minute)))).toBe(
      'fail limit',
    )
  })
  test('is not late while nothing was due', () => {
    const nightly = `${keys}, schedule: {cron: "0 1 * * *", grace: 30m}`
    expect(verdict('file_fresh', nightly, files(file(11 * 60 * minute)))).toBe('pass')
    expect(verdict('file_fresh', nightly, files(file(12 * 60 * minute)))).toBe('fail limit')
  })
})

describe('file_fresh by the time in the name', () => {
  // It is 12:07 in London.
  const keys = 'glob: g, max_age: 45m, time: "{{YYYY}}{{MM}}{{DD}}T{{hh}}{{mm}}"'
  const named = (name: string, more: Partial<FileFact> = {}) =>
    file(minute, { path: `/20200101T0000/${name}`, ...more })
  test('goes by the name, whatever the mtime says', () => {
    expect(
      judge('file_fresh', keys, files(named('a_20261121T1107.zip'), named('b_20261121T1157_raw.zip'))),
    ).toMatchObject({ outcome: 'pass', value: 10 * minute, failsIn: 35 * minute })
    expect(verdict('file_fresh', keys, files(named('a_20261121T1107.zip')))).toBe('fail limit')
    expect(
      judge('file_fresh', `${keys}, which: oldest`, files(named('20261121T1130'), named('20261121T1200')))
        .value,
    ).toBe(37 * minute)
  })
  test('reads the wall clock of the flow, seconds too, and a day as its beginning', () => {
    expect(
      judge(
        'file_fresh',
        'glob: g, max_age: 1d, time: "{{YYYY}}-{{MM}}-{{DD}}"',
        files(named('x-2026-11-21.gz')),
      ).value,
    ).toBe(727 * minute)
    expect(
      judge(
        'file_fresh',
        'glob: g, max_age: 1d, time: "{{DD}}.{{MM}}.{{YYYY}} {{hh}}.{{mm}}.{{ss}}"',
        files(named('21.11.2026 12.06.30.csv')),
      ).value,
    ).toBe(30_000)
  })
  test('leaves out what has no such moment, and says how many', () => {
    const odd = [
      'notes.txt',
      '20261321T1200',
      '20260231T1200',
      '20261121T2460',
      '120261121T1200',
      '20261121T12005',
    ]
    expect(
      judge('file_fresh', keys, files(named('20261121T1157'), ...odd.map((name) => named(name)))),
    ).toMatchObject({
      outcome: 'pass',
      message:
        'The newest file is 10 min old. 6 files are left out: their names have no {{YYYY}}{{MM}}{{DD}}T{{hh}}{{mm}}.',
    })
    expect(judge('file_fresh', keys, files(named('notes.txt')))).toMatchObject({
      outcome: 'unknown',
      reason: 'no_data',
      message:
        'No finished file matches. 1 file is left out: its name has no {{YYYY}}{{MM}}{{DD}}T{{hh}}{{mm}}.',
    })
  })
  test('is UNKNOWN for a name from the future', () => {
    expect(verdict('file_fresh', keys, files(named('20261121T1157'), named('20261121T1208')))).toBe(
      'unknown clock',
    )
  })
  test('still does not count what is being written', () => {
    const young = named('20261121T1205', { modifiedAt: now - 2_000 })
    expect(judge('file_fresh', `${keys}, stable_for: 10s`, files(young, named('20261121T1157'))).value).toBe(
      10 * minute,
    )
  })
  test('counts an mtime that is a little ahead', () => {
    expect(verdict('file_fresh', 'glob: g, max_age: 45m', files(file(-2_000)))).toBe('pass')
  })
})

test('directory_backlog judges number and age, and an empty folder is good', () => {
  const keys = 'glob: g, count: {warn: 1, fail: 2}, oldest_age: {fail: 60m}'
  expect(verdict('directory_backlog', keys, files())).toBe('pass')
  expect(verdict('directory_backlog', keys, files(file(1), file(2)))).toBe('warn limit')
  expect(verdict('directory_backlog', keys, files(file(1), file(2), file(3)))).toBe('fail limit')
  expect(judge('directory_backlog', keys, files(file(61 * minute))).failsIn).toBeUndefined()
  expect(verdict('directory_backlog', keys, files(file(61 * minute)))).toBe('fail limit')
  expect(verdict('directory_backlog', keys, { files: [], truncated: true })).toBe('unknown no_data')
})
test('file_integrity names the damaged file', () => {
  const keys = 'glob: g, method: zip_test'
  expect(verdict('file_integrity', keys, { examined: 2, damaged: [] })).toBe('pass')
  expect(verdict('file_integrity', keys, { examined: 0, damaged: [] })).toBe('unknown no_data')
  expect(
    judge('file_integrity', keys, { examined: 2, damaged: [{ path: '/a.zip', problem: 'ends early' }] }),
  ).toMatchObject({
    outcome: 'fail',
    evidence: [{ label: 'file', value: '/a.zip: ends early' }],
  })
})
test('file_count counts within its window', () => {
  const keys = 'glob: g, window: 1h, count: {fail: "1:"}'
  expect(verdict('file_count', keys, files(file(minute)))).toBe('pass')
  expect(verdict('file_count', keys, files(file(61 * minute)))).toBe('fail limit')
  expect(verdict('file_count', keys, files(file(-2_000)))).toBe('pass')
})
test('file_count takes no file from the future for one that just came', () => {
  expect(verdict('file_count', 'glob: g, window: 1h, count: {fail: "1:"}', files(file(-minute)))).toBe(
    'unknown clock',
  )
  expect(verdict('file_count', 'glob: g, count: {fail: "1:"}', files(file(-minute)))).toBe('pass')
})
test.each(['file_count', 'directory_backlog'] as const)(
  '%s tells of a walk cut short what is sure',
  (type) => {
    const cutShort = { files: [file(1), file(2), file(3)], truncated: true }
    const said = (count: string) => verdict(type, `glob: g, count: ${count}`, cutShort)
    expect(said('{fail: "2"}')).toBe('fail limit')
    expect(said('{fail: "5"}')).toBe('unknown no_data')
    expect(said('{fail: "5:"}')).toBe('unknown no_data')
    expect(said('{fail: "@2:"}')).toBe('fail limit')
    expect(said('{fail: "@2:4"}')).toBe('unknown no_data')
    expect(said('{warn: "2"}')).toBe('warn limit')
    expect(said('{warn: "2", fail: "5"}')).toBe('unknown no_data')
  },
)
test('tcp_port compares the answer', () => {
  expect(verdict('tcp_port', 'host: h, port: 1', { connectedAfterMs: 3 })).toBe('pass')
  expect(
    verdict('tcp_port', 'host: h, port: 1, expect: SSH', { connectedAfterMs: 3, answer: 'SSH-2.0' }),
  ).toBe('pass')
  expect(verdict('tcp_port', 'host: h, port: 1, expect: SSH', { connectedAfterMs: 3, answer: 'HTTP' })).toBe(
    'fail bad_value',
  )
})
test('tls_expiry warns, fails, and refuses what is not valid yet', () => {
  const keys = 'host: h, valid_for: {warn: 30d, fail: 7d}'
  const lasting = (days: number) => ({
    validFrom: now - minute,
    validTo: now + days * 86_400_000,
    subject: 'h',
  })
  expect([60, 20, 3, -1].map((days) => verdict('tls_expiry', keys, lasting(days)))).toEqual([
    'pass',
    'warn limit',
    'fail limit',
    'fail limit',
  ])
  expect(verdict('tls_expiry', keys, { ...lasting(60), validFrom: now + minute })).toBe('fail bad_value')
})
test('http: all conditions hold, a degraded one warns, a missing value is unknown', () => {
  const keys =
    'url: "http://h/", conditions: ["[STATUS] == 200", "[BODY].n >= 2"], degraded_conditions: ["[BODY].n >= 4"]'
  expect(verdict('http', keys, { STATUS: 200, BODY: '{"n":4}' })).toBe('pass')
  expect(verdict('http', keys, { STATUS: 200, BODY: '{"n":3}' })).toBe('warn condition')
  expect(verdict('http', keys, { STATUS: 500, BODY: '{}' })).toBe('fail condition')
  expect(verdict('http', keys, { STATUS: 200, BODY: '{}' })).toBe('unknown no_data')
})
test('db_connect passes when the database answers', () =>
  expect(verdict('db_connect', dsn, { connectedAfterMs: 5 })).toBe('pass'))
test('db_query: NULL, no row, no column and no number are told apart from a limit', () => {
  const keys = `${dsn}, query: select 1 as n, value: n, warn: "30", fail: "300"`
  const rows = (...found: Record<string, unknown>[]) => ({ rows: found, durationMs: 1 })
  expect(verdict('db_query', keys, rows({ n: '12' }))).toBe('pass')
  expect(verdict('db_query', keys, rows({ n: 31 }))).toBe('warn limit')
  expect(verdict('db_query', keys, rows({ n: 301n }))).toBe('fail limit')
  expect(verdict('db_query', keys, rows({ n: null }))).toBe('unknown no_data')
  expect(verdict('db_query', keys, rows())).toBe('unknown no_data')
  expect(verdict('db_query', keys, rows({ m: 1 }))).toBe('unknown bad_value')
  expect(verdict('db_query', keys, rows({ n: 'many' }))).toBe('unknown bad_value')
  const asked = `${dsn}, query: select 1 as n, conditions: ["[ROW].n == 1", "len([ROWS]) == 1"]`
  expect(verdict('db_query', asked, rows({ n: 1 }))).toBe('pass')
})
test('freshness sees the old row, and with a deadline the run that never began', () => {
  const keys = `${dsn}, query: select 1, warn_after: 60m, fail_after: 120m`
  expect(verdict('freshness', keys, { latest: now - minute })).toBe('pass')
  expect(verdict('freshness', keys, { latest: now - 61 * minute })).toBe('warn limit')
  expect(verdict('freshness', keys, { latest: now - 121 * minute })).toBe('fail limit')
  expect(verdict('freshness', keys, { latest: undefined })).toBe('unknown no_data')
  expect(verdict('freshness', keys, { latest: now + 2 * minute })).toBe('unknown clock')
  const deadline = `${dsn}, table: result, column: created_at, deadline_cron: "0 12 * * *", lower_bound: 1h`
  expect(verdict('freshness', deadline, { latest: now - 60 * minute })).toBe('pass')
  expect(verdict('freshness', deadline, { latest: now - 68 * minute })).toBe('fail limit')
})
test('volume learns first, then tells the unusual', () => {
  const keys =
    'metric: {type: file_count, glob: g, bucket: 1h}, anomaly: {history: 14d, direction: drop, fail_on_zero: true, ignore_drop_below: 20%}'
  const history = [100, 102, 98, 101, 99]
  expect(verdict('volume', keys, { value: 100, history: [100, 101] })).toBe('unknown learning')
  expect(verdict('volume', keys, { value: 97, history })).toBe('pass')
  expect(verdict('volume', keys, { value: 85, history })).toBe('pass')
  expect(verdict('volume', keys, { value: 50, history })).toBe('fail limit')
  expect(verdict('volume', keys, { value: 300, history })).toBe('pass')
  expect(verdict('volume', keys, { value: 0, history: [] })).toBe('fail limit')
  expect(verdict('volume', keys, { value: undefined, history })).toBe('unknown no_data')
})
test('reconcile accounts for what was rejected', () => {
  const count = (name: string) => `{type: file_count, glob: ${name}}`
  const keys = `left: ${count('l')}, right: ${count('r')}, also_subtract: ${count('x')}, tolerance: {warn: 1%, fail: 5%}`
  expect(verdict('reconcile', keys, { left: 100, right: 97, subtracted: 3 })).toBe('pass')
  expect(verdict('reconcile', keys, { left: 100, right: 95, subtracted: 2 })).toBe('warn limit')
  expect(verdict('reconcile', keys, { left: 100, right: 90, subtracted: 0 })).toBe('fail limit')
  expect(verdict('reconcile', keys, { left: 0, right: 3, subtracted: 0 })).toBe('fail limit')
  expect(verdict('reconcile', keys, { left: 100, right: 97, subtracted: undefined })).toBe('unknown no_data')
})
test('results: the failed share, with the results by name', () => {
  const keys = `${dsn}, query: select 1, key: [file, algorithm], ok_when: "[ROW].status == OK", failed_ratio: {warn: "2", fail: "10"}`
  const rows = (failed: number) => ({
    durationMs: 1,
    rows: Array.from({ length: 100 }, (_, at) => ({
      file: `f${at}`,
      algorithm: 'rotor',
      status: at < failed ? 'FAILED' : 'OK',
    })),
  })
  expect([0, 3, 11].map((failed) => verdict('results', keys, rows(failed)))).toEqual([
    'pass',
    'warn limit',
    'fail limit',
  ])
  expect(judge('results', keys, rows(3)).evidence?.[0]).toEqual({ label: 'result', value: 'f0 / rotor' })
  expect(verdict('results', keys, { rows: [], durationMs: 1 })).toBe('unknown no_data')
  expect(verdict('results', keys, { rows: [{ file: 'f' }], durationMs: 1 })).toBe('unknown bad_value')
})
test('process, service and disk', () => {
  expect(verdict('process', 'name: x, count: {fail: "1:"}', { matching: 1 })).toBe('pass')
  expect(verdict('process', 'name: x, count: {fail: "1:"}', { matching: 0 })).toBe('fail limit')
  expect(
    ['active', 'activating', 'failed', 'strange'].map((state) =>
      verdict('service', 'unit: x.service', { state }),
    ),
  ).toEqual(['pass', 'warn reported', 'fail reported', 'unknown bad_value'])
  const free = (percent: number) => ({ freeBytes: percent * 2 ** 30, totalBytes: 100 * 2 ** 30 })
  expect(
    [50, 8, 1].map((share) => verdict('disk', 'path: ., free: {warn: 10%, fail: 2GiB}', free(share))),
  ).toEqual(['pass', 'warn limit', 'fail limit'])
  expect(verdict('disk', 'path: ., free: {fail: 2%}', { freeBytes: 0, totalBytes: 0 })).toBe(
    'unknown bad_value',
  )
})
test.each(['{warn: 5GiB, fail: 1GiB}', '{warn: 10%, fail: 2GiB}', '{fail: 2%}'])(
  'disk says once how much is free, with the limits %s',
  (free) => {
    const measured = { freeBytes: 50 * 2 ** 30, totalBytes: 200 * 2 ** 30 }
    expect(judge('disk', `path: /data, free: ${free}`, measured)).toMatchObject({
      message: 'Free on /data: 50.0 GiB (25 %).',
      value: 50 * 2 ** 30,
    })
  },
)
test('disk says its limit in the same words, whatever unit it is written in', () => {
  const measured = { freeBytes: 2 * 2 ** 30, totalBytes: 100 * 2 ** 30 }
  expect(judge('disk', 'path: /data, free: {warn: 10%, fail: 1GiB}', measured).message).toBe(
    'Free on /data: 2.0 GiB (2 %); at least 10.0 GiB (10 %) expected.',
  )
})

describe('heartbeat', () => {
  const keys = 'token: t1234567, cron: "*/15 * * * *", grace: 5m'
  const listeningSince = now - 600 * minute
  test('is good while the last report is in time, and says how long is left', () => {
    expect(judge('heartbeat', keys, { lastSuccessAt: now - 6 * minute, listeningSince })).toMatchObject({
      outcome: 'pass',
      failsIn: 13 * minute,
    })
  })
  test('fails when the next report is late, or a failure was reported', () => {
    expect(verdict('heartbeat', keys, { lastSuccessAt: now - 23 * minute, listeningSince })).toBe(
      'fail limit',
    )
    expect(
      verdict('heartbeat', keys, {
        lastSuccessAt: now - 6 * minute,
        lastFailure: { at: now - minute, exitStatus: 3 },
        listeningSince,
      }),
    ).toBe('fail reported')
  })
  test('cannot tell before anything was due', () => {
    expect(verdict('heartbeat', keys, { listeningSince: now - minute })).toBe('unknown no_data')
    expect(verdict('heartbeat', keys, { listeningSince })).toBe('fail limit')
  })
  test('says how long the last run took', () => {
    const ran = { lastSuccessAt: now - 6 * minute, lastDuration: 90_500, listeningSince }
    const performance = [{ label: 'duration', value: 90.5, unit: 's' }]
    expect(judge('heartbeat', keys, ran)).toMatchObject({
      outcome: 'pass',
      message: 'The job reported 6 min ago, and took 1 min.',
      performance,
    })
    expect(judge('heartbeat', keys, { ...ran, lastFailure: { at: now } })).toMatchObject({ performance })
  })
  test('fails when a job runs longer than the grace, though the last report is in time', () => {
    const running = (since: number) => ({
      lastSuccessAt: now - 6 * minute,
      runningSince: now - since,
      listeningSince,
    })
    expect(judge('heartbeat', keys, running(4 * minute))).toMatchObject({
      outcome: 'pass',
      message: 'The job reported 6 min ago. It runs since 4 min.',
      failsIn: minute,
    })
    expect(judge('heartbeat', keys, running(6 * minute))).toMatchObject({
      outcome: 'fail',
      reason: 'limit',
      message: 'The job began 6 min ago, and has not told its end.',
      expected: 'at most 5 min',
      observed: '6 min',
    })
    const started = { runningSince: now - 6 * minute, listeningSince: now - 6 * minute }
    expect(verdict('heartbeat', keys, started)).toBe('fail limit')
    expect(verdict('heartbeat', 'token: t1234567, period: 1h', running(50 * minute))).toBe('pass')
  })
  test('takes the common schedule as well', () => {
    expect(
      verdict('heartbeat', 'token: t1234567, schedule: {on_calendar: "02:30", grace: 90m}', {
        lastSuccessAt: now - 9 * 60 * minute,
        listeningSince,
      }),
    ).toBe('pass')
  })
})

describe('command speaks the plugin protocol', () => {
  const parameters = { argv: ['x'], env: undefined, cwd: undefined }
  test.each([
    [0, 'pass'],
    [1, 'warn'],
    [2, 'fail'],
    [3, 'unknown'],
    [127, 'unknown'],
    [undefined, 'unknown'],
  ])('exit status %s is %s', (exitStatus, outcome) => {
    const result = command.judge(
      parameters,
      { exitStatus, output: 'DISK OK - free | /=2643MB;5948;5958;0;5968' },
      { now, timezone: 'UTC' },
    )
    expect(result).toMatchObject({
      outcome,
      value: 2643,
      performance: [{ label: '/', value: 2643, unit: 'MB' }],
    })
  })
  test('takes no time to speak of, whatever a plugin prints', () => {
    for (const endless of ["'", 'a', "' ", 'a=', "='", 'a=1']) {
      expect(parsePluginOutput(`x | ${endless.repeat(256 * 1024)}`).summary).toBe('x')
    }
  })
  test('a number beyond all numbers is left out', () => {
    expect(parsePluginOutput('x | a=1e999 b=2').performance).toEqual([{ label: 'b', value: 2, unit: '' }])
  })
  test('the first line that says something is what it says', () => {
    expect(parsePluginOutput('\n \r\n DISK OK\nmore\n')).toMatchObject({
      summary: 'DISK OK',
      details: 'more',
    })
  })
  test('text and performance data may go over several lines', () => {
    const output =
      "DISK OK | /=2643MB;5948\n/ 15272 MB\n/boot 68 MB | '/boot dir'=68MB;88\n/home=69357MB c=U 'it''s'=1,5%"
    expect(parsePluginOutput(output)).toEqual({
      summary: 'DISK OK',
      details: '/ 15272 MB\n/boot 68 MB',
      performance: [
        { label: '/', value: 2643, unit: 'MB' },
        { label: '/boot dir', value: 68, unit: 'MB' },
        { label: '/home', value: 69357, unit: 'MB' },
        { label: "it's", value: 1.5, unit: '%' },
      ],
    })
  })
  test.each([
    ['/=2643MB;5948;5958;0;5968', [['/', 2643, 'MB']]],
    [
      '/=43.5GiB;;;0;252 /boot=68MiB;88;93;0;98',
      [
        ['/', 43.5, 'GiB'],
        ['/boot', 68, 'MiB'],
      ],
    ],
    ['procs=202;1:;1:;0;', [['procs', 202, '']]],
    [
      'load1=2.510;50.000;60.000;0; load5=-1;~:5;@10:20;0;',
      [
        ['load1', 2.51, ''],
        ['load5', -1, ''],
      ],
    ],
    [
      'time=0.000123s;;;0.000000;10.000000 size=1301B;0;0;0',
      [
        ['time', 0.000123, 's'],
        ['size', 1301, 'B'],
      ],
    ],
    [
      "'C:\\ used %'=12%;80;90 offset=+0.5ms x=.25 c=17c",
      [
        ['C:\\ used %', 12, '%'],
        ['offset', 0.5, 'ms'],
        ['x', 0.25, ''],
        ['c', 17, 'c'],
      ],
    ],
    ['broken=; =5 none=U;1;2 word=abc fine=1', [['fine', 1, '']]],
  ])('the performance data %s', (text, expected) => {
    expect(
      parsePluginOutput(`OK | ${text}`).performance.map(({ label, value, unit }) => [label, value, unit]),
    ).toEqual(expected)
  })
})

test('virtual checks: what is not known could still tip it', () => {
  const members = (...states: ('HEALTHY' | 'DEGRADED' | 'FAILED' | 'UNKNOWN')[]) => ({
    members: states.map((state, at) => ({ id: `m${at}`, state })),
  })
  const of = 'of: [a_port, b_port]'
  expect(verdict('all', of, members('HEALTHY', 'HEALTHY'))).toBe('pass')
  expect(verdict('all', of, members('HEALTHY', 'FAILED'))).toBe('fail member')
  expect(verdict('all', of, members('HEALTHY', 'UNKNOWN'))).toBe('unknown member')
  expect(verdict('any', of, members('HEALTHY', 'FAILED'))).toBe('warn member')
  expect(verdict('any', of, members('FAILED', 'FAILED'))).toBe('fail member')
  expect(verdict('at_least', `${of}, count: 2`, members('HEALTHY', 'DEGRADED'))).toBe('warn member')
})
