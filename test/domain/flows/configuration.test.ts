// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of flow files look like this
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { permissions } from '../../../src/domain/auth/permissions.ts'
import { checkTypes } from '../../../src/domain/flows/checks/registry.ts'
import { commonCheckKeys } from '../../../src/domain/flows/configuration/common-check-keys.ts'
import { mistakeLine } from '../../../src/domain/flows/configuration/located.ts'
import { readFlow } from '../../../src/domain/flows/configuration/read-flow.ts'
import { chain, flowOf } from '../../support/flows/flow-text.ts'

const example = readFileSync(new URL('../../support/flows/helicopter-rdf.yaml', import.meta.url), 'utf8')
const errors = (text: string, environment: Record<string, string> = {}) =>
  readFlow(text, 'f.yaml', environment)
    .mistakes.filter((mistake) => mistake.severity === 'error')
    .map(mistakeLine)
const withCheck = (keys: string) => chain({ more: `  - ${keys.split('\n').join('\n    ')}` })

describe('the full example of eight processes', () => {
  const { flow, mistakes } = readFlow(example, 'helicopter-rdf.yaml', {})

  test('is read: 22 checks, 9 connections, no error', () => {
    expect(mistakes.filter((mistake) => mistake.severity === 'error')).toEqual([])
    expect(flow).toMatchObject({ id: 'helicopter-rdf', timezone: 'Europe/London' })
    expect([flow?.processes.length, flow?.checks.length, flow?.connections.length]).toEqual([8, 22, 9])
    expect(flow?.maintenance.length).toBe(3)
    expect(flow?.alerts.map((alert) => alert.failureThreshold)).toEqual([3, 3, 3, 3])
  })
  test('names every check that cannot keep the five seconds', () => {
    expect(mistakes.map(({ severity, line }) => `${severity} ${line}`)).toEqual(
      [100, 120, 139, 156, 163, 178, 231, 253, 275].map((line) => `warning ${line}`),
    )
  })
  test('fills variables, defaults and templates in', () => {
    const check = (id: string) => flow?.checks.find((each) => each.id === id)
    expect(check('archives_arriving')).toMatchObject({
      explains: 'upstream',
      parameters: { glob: 'var/demo/incoming/*.zip', max_age: 45 * 60_000 },
      ttl: 15_000,
      detectionBudget: 4_500,
    })
    expect(check('hdfs')).toMatchObject({ type: 'http', namedType: 'hdfs_live_datanodes' })
    expect(check('hdfs')).toHaveProperty(
      'parameters.conditions.1.text',
      '[BODY].beans[0].NumLiveDataNodes >= 3',
    )
    expect(check('landing_space')).toMatchObject({
      type: 'command',
      interval: 60_000,
      parameters: { argv: ['check_disk', '-w', '20%', '-c', '10%', '-p', 'var/demo/incoming'] },
    })
  })
  test('is the same flow as JSON, and with kebab-case keys', () => {
    const json = JSON.stringify(
      {
        version: 1,
        flow: { id: 'j', name: 'J' },
        processes: [{ id: 'a' }],
        'health-checks': [
          { id: 'p', process: 'a', type: 'tcp_port', host: 'h', port: 80, 'failure-threshold': 2 },
        ],
      },
      null,
      '\t',
    )
    expect(flowOf(json).checks[0]).toMatchObject({ failureThreshold: 2, parameters: { port: 80 } })
  })
})

describe('a mistake has its line, column, path and the nearest name', () => {
  test.each([
    [
      'an unknown key of a check',
      withCheck('{id: x, process: a, type: file_fresh, glob: g, max_aeg: 5m}'),
      'f.yaml:15:52: error: health_checks[6].max_aeg: Unknown key of file_fresh. Did you mean max_age?',
    ],
    [
      'an unknown key at the top',
      `${chain()}\nconections: []`,
      'error: conections: Unknown key. Did you mean connections?',
    ],
    [
      'an unknown type',
      withCheck('{id: x, process: a, type: file_frehs, glob: g}'),
      'There is no check type “file_frehs”. Did you mean file_fresh?',
    ],
    [
      'a dangling process',
      withCheck('{id: x, process: bb, type: tcp_port, host: h, port: 1}'),
      'error: health_checks[6].process: There is no process bb. Did you mean b?',
    ],
    [
      'a connection to nowhere',
      chain({ connections: ['{from: a, to: z9}'] }),
      'connections[0].to: There is no process z9.',
    ],
    [
      'an id given twice',
      withCheck('{id: a_port, process: a, type: tcp_port, host: h, port: 1}'),
      'Line 9 has a health check with the id a_port already.',
    ],
    [
      'a connection given twice',
      chain({ connections: ['{from: a, to: b}', '{from: a, to: b}'] }),
      'connects a to b already',
    ],
    ['a circle of checks', withCheck('{id: x, process: a, type: all, of: [x]}'), 'cycle: x > x.'],
    [
      'a bad condition',
      withCheck('{id: x, process: a, type: http, url: "http://h/", conditions: ["[STATSU] == 200"]}'),
      'conditions[0]: Bad condition: This check has no placeholder [STATSU].',
    ],
    [
      'a bad duration',
      withCheck('{id: x, process: a, type: tcp_port, host: h, port: 1, interval: 5}'),
      'interval: “5” is not a duration.',
    ],
    [
      'a bad cron',
      withCheck('{id: x, process: a, type: heartbeat, token: t1234567, cron: "61 * * * *"}'),
      'cron: “61 * * * *” is not a cron expression. The minute field, “61”, is not between 0 and 59.',
    ],
    [
      'a day that never comes',
      withCheck('{id: x, process: a, type: heartbeat, token: t1234567, cron: "0 0 31 2 *"}'),
      'This day never comes.',
    ],
    [
      'a bad port',
      withCheck('{id: x, process: a, type: tcp_port, host: h, port: 70000}'),
      'port: “70000” is not a whole number. Write a whole number from 1 to 65535.',
    ],
    [
      'a missing key',
      withCheck('{id: x, process: a, type: tcp_port, host: h}'),
      'The key port is missing: the port.',
    ],
    [
      'keys that do not belong together',
      withCheck('{id: x, process: a, type: file_fresh, glob: g}'),
      'Give warn_age or max_age, or both.',
    ],
    [
      'a heartbeat without a schedule',
      withCheck('{id: x, process: a, type: heartbeat, token: t1234567}'),
      'A heartbeat has one of',
    ],
    [
      'a query that writes',
      withCheck(
        '{id: x, process: a, type: db_query, dsn: "postgres:///x", query: delete from x, value: n, fail: 1}',
      ),
      'A check only reads',
    ],
    [
      'an option as a service name',
      withCheck('{id: x, process: a, type: service, unit: --help}'),
      'no dash first',
    ],
    [
      'a variable that is not set',
      withCheck('{id: x, process: a, type: tcp_port, host: "${HSOT}", port: 1}'),
      'The variable HSOT is not set and has no default.',
    ],
    [
      'a placeholder that nothing fills',
      withCheck('{id: x, process: a, type: file_fresh, glob: "{{todya}}/*", max_age: 5m}'),
      'Nothing fills {{todya}} in. Did you mean today?',
    ],
    ...(
      [
        ['{{YYY}}', 'There is no {{YYY}}; there are YYYY, MM, DD, hh, mm, ss.'],
        ['{{YYYY}}{{MM}}', '{{DD}} is missing: a moment needs YYYY, MM and DD.'],
        ['{{YYYY}}{{MM}}{{DD}}{{MM}}', '{{MM}} is there twice.'],
        ['{{YYYY}}{{MM}}{{DD}}{{mm}}', 'Minutes, {{mm}}, need {{hh}}.'],
        ['{{YYYY}}{{MM}}{{DD}}{{hh}}{{ss}}', 'Seconds, {{ss}}, need {{mm}}.'],
        ['{{YYYY}}/{{MM}}/{{DD}}', 'It is a part of the name of a file: no folders'],
        ['{YYYY}{{MM}}{{DD}}', 'no single braces'],
        ['ctime', 'is not `mtime` or a name pattern.'],
      ] as const
    ).map(([time, expected]) => [
      `the name pattern ${time}`,
      withCheck(`{id: x, process: a, type: file_fresh, glob: g, max_age: 5m, time: "${time}"}`),
      expected,
    ]),
    ['a key given twice', `${chain()}\nversion: 1`, 'This is not valid YAML: Map keys must be unique.'],
    [
      'another version',
      chain().replace('version: 1', 'version: 2'),
      'version: “2” is not a whole number. Write a whole number from 1 to 1.',
    ],
    ['two documents', `${chain()}\n---\nversion: 1`, 'A second document begins here.'],
    ['an empty file', '', 'The file is empty.'],
    ['no group at all', '- 1', 'A flow is a group of keys'],
  ])('%s', (_, text, expected) => {
    expect(errors(text).join('\n')).toContain(expected)
  })

  test('all of them are said at once, in the order of the file', () => {
    const text = withCheck(
      '{id: x, process: nowhere, type: file_fresh, glob: g, max_aeg: 5m, interval: soon}',
    )
    expect(errors(text)).toEqual([
      expect.stringContaining('There is no process nowhere.'),
      expect.stringContaining('Unknown key of file_fresh. Did you mean max_age?'),
      expect.stringContaining('interval: “soon” is not a duration.'),
    ])
  })
  test('a template that is used twice is wrong once', () => {
    const text = `${chain()}
  - {id: x, process: a, type: slow_port, with: {host: h}}
  - {id: y, process: a, type: slow_port, with: {host: i}}
check_types:
  slow_port: {extends: tcp_port, parameters: {host: {type: string, required: true}}, host: "{{host}}", port: 80, interval: soon}`
    expect(errors(text)).toEqual([
      'f.yaml:19:124: error: check_types.slow_port.interval: “soon” is not a duration. Write a number with its unit: 500ms, 10s, 5m, 1h30m, 7d, 2w.',
    ])
  })
  test('a wrong or missing parameter of a template', () => {
    const text = (given: string) => `${chain()}
  - {id: x, process: a, type: my_port, with: {${given}}}
check_types:
  my_port: {extends: tcp_port, parameters: {port: {type: integer, required: true}}, host: h, port: "{{port}}"}`
    expect(errors(text('port: 80'))).toEqual([])
    expect(errors(text('prot: 80')).join('\n')).toMatch(
      /no such parameter. Did you mean port[\s\S]*|The parameter port is missing/,
    )
    expect(errors(text('port: eighty')).join('\n')).toContain('“eighty” is not a whole number')
  })
  test('types that extend each other are refused', () => {
    expect(errors(`${chain()}\ncheck_types: {x: {extends: y}, y: {extends: x}}`).join('\n')).toContain(
      'These types extend each other: x > y > x.',
    )
  })
  test('a condition of two constants is right, with a warning', () => {
    const text = withCheck('{id: x, process: a, type: http, url: "http://h/", conditions: ["raw == raw"]}')
    const { flow, mistakes } = readFlow(text, 'f.yaml', {})
    expect(flow).toBeDefined()
    expect(mistakes.map(mistakeLine)).toEqual([
      expect.stringContaining('warning: health_checks[6].conditions[0]: Neither side is measured'),
    ])
  })
  test.each([
    ['interval: 0.000000000001ns', '“0.000000000001ns” is too short: at least 5ms.'],
    ['interval: 40000d', '“40000d” is too long: at most 36525d.'],
    ['timeout: 4w', '“4w” is too long: at most 1d.'],
    ['timeout: 0', '“0” is too short: at least 1ms.'],
    ['ttl: 0', '“0” is too short: longer than nothing.'],
  ])('a duration that no timer keeps: %s', (key, message) => {
    expect(errors(withCheck(`{id: x, process: a, type: tcp_port, host: h, port: 1, ${key}}`))).toEqual([
      expect.stringContaining(message),
    ])
  })
  test('a board that would be grey between two heartbeats, or reload all the time', () => {
    const text = chain().replace('name: Chain', 'name: Chain, board: {live_after: 1s, reload_every: 1s}')
    expect(errors(text)).toEqual([
      expect.stringContaining('flow.board.live_after: “1s” is too short: at least 3s.'),
      expect.stringContaining('flow.board.reload_every: “1s” is too short: at least 1m.'),
    ])
  })
  test('is one line, whatever the file quotes', () => {
    const interval = String.raw`"1\n2\e[2J\N3"`
    const [line, ...more] = errors(
      withCheck(`{id: x, process: a, type: tcp_port, host: h, port: 1, interval: ${interval}}`),
    )
    expect(more).toEqual([])
    expect(line).toContain(String.raw`“1\n2\u001b[2J\u00853” is not a duration.`)
  })
  test('a null character is refused wherever it stands', () => {
    const text = chain().replace('name: Chain', String.raw`name: "Ch\0ain"`)
    expect(errors(text)).toEqual([
      expect.stringContaining('f.yaml:2:25: error: flow.name: This text holds a null character.'),
    ])
  })
  test('every circle is told at once, each at the connection that closes it', () => {
    const processes = ['a', 'b', 'c', 'd', 'e']
    const arrows = ['ab', 'ba', 'bc', 'cc', 'cd', 'de', 'ec']
    const connections = arrows.map(([from, to]) => `{from: ${from}, to: ${to}}`)
    const found = errors(chain({ processes, connections })).map((line) => line.replace(/^.*error: /, ''))
    expect(found).toEqual([
      'connections[1]: cycle: a > b > a. Take one of these out.',
      'connections[3]: cycle: c > c. Take one of these out.',
      'connections[6]: cycle: c > d > e > c. Take one of these out.',
    ])
  })
  test('a thousand are told one by one, and of more how many', () => {
    const found = errors(`${chain()}\nmaintenance: [${Array(1_200).fill('x').join(', ')}]`)
    expect(found).toHaveLength(1_001)
    expect(found.at(-1)).toBe('f.yaml:1:1: error: There are 200 more mistakes. Mend these first.')
  })
  test('a bomb of aliases is refused', () => {
    const layers = Array.from(
      { length: 12 },
      (_, at) => `v${at + 1}: &v${at + 1} [${Array(9).fill(`*v${at}`).join(', ')}]`,
    )
    expect(errors(['v0: &v0 [1]', ...layers].join('\n')).join('\n')).toMatch(/50,000 values|alias/)
  })
})

/** The words that stand where the id of a flow does. */
const wordsForFlows = Object.keys(permissions).flatMap(
  (route) => / \/(?:flows|board)\/(\w[\w-]*)/.exec(route)?.[1] ?? [],
)

test.each([...new Set(wordsForFlows)])(
  'the id %s is refused, because its pages could not be reached',
  (id) => {
    expect(errors(chain().replace('id: chain', `id: ${id}`))).toEqual([
      expect.stringContaining(
        `flow.id: ${id} is a word of our own addresses. Choose another id for this flow.`,
      ),
    ])
  },
)

describe('anchors and aliases', () => {
  const withKeys = (keys: string) => chain({ checkKeys: `, ${keys}` })

  test('say again what stands above', () => {
    const { flow } = readFlow(
      chain()
        .replace('port: 80}', 'port: 80, interval: &often 3s}')
        .replaceAll('max_age: 30m', 'max_age: 30m, interval: *often'),
      'f',
      {},
    )
    expect(flow?.checks.map(({ interval }) => interval)).toEqual([3000, 3000, 2000, 3000, 2000, 3000])
  })
  test.each([
    ['of nothing', withKeys('interval: *often'), 'There is no anchor &often above this.'],
    [
      'with a slip',
      chain().replace('id: chain', 'id: &name chain').replace('name: Chain', 'name: *nmae'),
      'There is no anchor &nmae above this. Did you mean name?',
    ],
    [
      'of the list they stand in',
      'version: 1\nflow: &f [*f]',
      'f:2:11: error: flow[0]: *f stands inside of what it stands for',
    ],
    [
      'of the group they stand in',
      '&all\nversion: 1\nflow: *all',
      'f:3:7: error: flow: *all stands inside of what it stands for',
    ],
  ])('%s are refused', (_, text, message) => {
    expect(readFlow(text, 'f', {}).mistakes.map(mistakeLine).join('\n')).toContain(message)
  })
  test('are not merged: that was YAML 1.1', () => {
    const text = chain({
      more: '  - &x {id: x, process: a, type: tcp_port, host: h, port: 1}\n  - {<<: *x, id: y}',
    })
    expect(errors(text)).toEqual([
      expect.stringContaining('f.yaml:16:6: error: health_checks[7]: YAML 1.2 has no merge keys (<<).'),
    ])
  })
  test('by the ten thousand are refused as fast as they are read', () => {
    const text = `x: &a 1\ny: [${Array(40_000).fill('*a').join(', ')}]`
    expect(errors(text)).toEqual([expect.stringContaining('more than 50,000 values')])
  })
  test('cannot nest deeper than the stack goes', () => {
    const layers = Array.from(
      { length: 60 },
      (_, at) => `v${at + 1}: &v${at + 1} ${'['.repeat(90)}*v${at}${']'.repeat(90)}`,
    )
    expect(errors(['v0: &v0 1', ...layers].join('\n')).join('\n')).toContain(
      'nested more than 100 levels deep',
    )
    expect(errors(`a: ${'['.repeat(20_000)}`).join('\n')).toContain(
      'This is not valid YAML: It is nested too deeply.',
    )
  })
})

describe('variables', () => {
  test('are judged by what they bring, and shown as the file says', () => {
    const { flow } = readFlow(
      withCheck(
        '{id: x, process: a, type: http, url: "http://h/", conditions: ["[STATUS] < ${MOST}", "${WHOLE}"]}',
      ),
      'f.yaml',
      { MOST: '400', WHOLE: '[BODY] == hidden' },
    )
    const check = flow?.checks.find(({ id }) => id === 'x')
    if (check?.type !== 'http') throw new Error('no check')
    const judged = checkTypes.http.judge(
      check.parameters,
      { STATUS: 500, BODY: 'other' },
      { now: 0, timezone: 'UTC' },
    )
    expect(judged.observed).toBe('[STATUS] (500) < ${MOST}; … (other) == …')
    expect(
      checkTypes.http.judge(check.parameters, { STATUS: 200, BODY: 'hidden' }, { now: 0, timezone: 'UTC' })
        .outcome,
    ).toBe('pass')
  })

  const text =
    withCheck('{id: x, process: a, type: tcp_port, host: "${place}", port: "${PORT:-81}"}') +
    '\nvariables: {place: "${HOST:-here}"}'
  const parameters = (environment: Record<string, string>) =>
    readFlow(text, 'f.yaml', environment).flow?.checks.find((check) => check.id === 'x')?.parameters
  test('come from the environment, or have a default', () => {
    expect(parameters({})).toMatchObject({ host: 'here', port: 81 })
    expect(parameters({ HOST: 'there', PORT: '90' })).toMatchObject({ host: 'there', port: 90 })
  })
  test('a default with a variable in it is refused, not taken as it stands', () => {
    const nested = withCheck('{id: x, process: a, type: tcp_port, host: "${A:-${B:-c}}/d", port: 1}')
    for (const environment of [{}, { A: 'a' }, { B: 'b' }]) {
      expect(errors(nested, environment)).toEqual([
        expect.stringContaining('health_checks[6].host: A default holds no variable of its own.'),
      ])
    }
  })
  test('never show in messages', () => {
    const lines = errors(text, { PORT: 'hunter2-secret', HOST: 'h' })
    expect(lines.join('\n')).toContain('“${PORT:-81}” is not a whole number')
    expect(lines.join('\n')).not.toContain('hunter2')
    const url = withCheck('{id: x, process: a, type: db_connect, dsn: "${DSN}"}')
    expect(errors(url, { DSN: 'mysql://root:hunter2@db' }).join('\n')).not.toContain('hunter2')
  })
  test('cannot bring keys or lists of their own', () => {
    const injected = { HOST: 'h, port: 1}\nprocesses: []' }
    expect(parameters(injected)).toMatchObject({ host: injected.HOST, port: 81 })
  })
})

test('variables that multiply each other are refused before they fill the memory', () => {
  const lines = Array.from({ length: 60 }, (_, at) => `  v${at + 1}: "${'${'}v${at}}${'${'}v${at}}"`)
  const text = `variables:\n  v0: "0123456789"\n${lines.join('\n')}\n${chain()}`
  expect(errors(text)[0]).toContain('The variables bring in more than 1 MiB of text.')
})

test('no check type has a key that all checks have', () => {
  for (const [name, { keys }] of Object.entries(checkTypes)) {
    expect([name, Object.keys(keys).filter((key) => key in commonCheckKeys)]).toEqual([name, []])
  }
})
test('a process that nothing watches is a warning', () => {
  const { mistakes } = readFlow(
    chain().replace('{id: a, name: A}', '{id: a, name: A}\n  - {id: lonely}'),
    'f.yaml',
    {},
  )
  expect(mistakes.map((mistake) => mistake.message)).toContain(
    'Nothing is checked at lonely, so it will be UNKNOWN for ever.',
  )
})
