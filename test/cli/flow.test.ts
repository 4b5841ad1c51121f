import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from '../support/command.ts'
import { chain } from '../support/flows/flow-text.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let folder: string
let good: string
let bad: string
const flow = (...args: string[]) => runCommand('cli/flow.js', args, {})

beforeAll(async () => {
  folder = await temporaryFolder('flow')
  good = join(folder, 'good.yaml')
  bad = join(folder, 'bad.yaml')
  await writeFile(good, chain())
  await writeFile(bad, chain({ connections: ['{from: a, to: bb}'] }).replaceAll('max_age', 'max_aeg'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('npm run flow -- check', () => {
  test('says that a file is right, exit 0', async () => {
    expect(await flow('check', good)).toEqual({
      code: 0,
      stdout: `${good}: right. Flow chain: 3 processes, 2 connections, 6 health checks.\n`,
      stderr: '',
    })
  })
  test('says every mistake with its line, exit 1', async () => {
    const { code, stdout } = await flow('check', good, bad)
    expect(code).toBe(1)
    expect(stdout).toContain(`${bad}:7:29: error: connections[0].to: There is no process bb. Did you mean b?`)
    expect(stdout.match(/Did you mean max_age\?/g)).toHaveLength(3)
  })
  test('refuses the same flow in two files', async () => {
    const { code, stderr } = await flow('check', good, good)
    expect([code, stderr]).toEqual([1, expect.stringContaining('the flow chain is in')])
  })
  test('prints the mistakes for programs', async () => {
    const { stdout } = await flow('check', '--json', bad)
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ line: 7, suggestion: 'b', severity: 'error' }),
    )
  })
  test('says of a file that is no text what the portal says of it', async () => {
    const latin = join(folder, 'latin.yaml')
    await writeFile(latin, Buffer.from(chain().replace('name: Chain', 'name: Zürich'), 'latin1'))
    expect(await flow('check', latin)).toMatchObject({
      code: 1,
      stdout: `${latin}:1:1: error: The file is not UTF-8 text.\n`,
    })
  })
  test('a file that is not there, and a command that is none: exit 2', async () => {
    expect(await flow('check', join(folder, 'none.yaml'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot be read (ENOENT)'),
    })
    expect(await flow('chekc', good)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('npm run flow -- --help'),
    })
    expect((await flow()).code).toBe(2)
  })
})

test('npm run flow -- mermaid prints the diagram, and nothing of a wrong file', async () => {
  expect(await flow('mermaid', good)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^flowchart LR\n/),
  })
  expect(await flow('mermaid', bad)).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('bb'),
  })
})

describe('npm run flow -- explain', () => {
  test('says what the board would say', async () => {
    expect(await flow('explain', good, '--state', 'a=failed', '--state', 'b=starved')).toEqual({
      code: 0,
      stderr: '',
      stdout: `A stopped, 1 process waits
  a  FAILED    the cause
  b  FAILED    waiting for A
  c  HEALTHY   at risk because of A
`,
    })
  })
  test('of a healthy flow', async () => {
    expect((await flow('explain', good)).stdout).toMatch(/^All 3 processes are healthy\n/)
  })
  test('refuses a process or a state that is none', async () => {
    expect(await flow('explain', good, '--state', 'aa=failed')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean a?'),
    })
    expect(await flow('explain', good, '--state', 'a=broken')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('The states are'),
    })
  })
})

describe('npm run flow -- run', () => {
  const file = () => join(folder, 'run.yaml')
  beforeAll(() =>
    writeFile(
      file(),
      chain({
        processes: ['a'],
        connections: [],
        more: `  - {id: space, process: a, type: disk, path: /, free: {fail: 1KiB}}
  - {id: here, process: a, type: file_exists, path: "${good}"}
  - {id: gone, process: a, type: file_exists, path: "${folder}/none"}
  - {id: job, process: a, type: heartbeat, token: some-token, period: 1h}
  - {id: off, process: a, type: file_exists, path: "${folder}/none", enabled: false}
  - {id: both, process: a, type: all, of: [space, here]}
  - {id: either, process: a, type: any, of: [gone, both]}`,
      }),
    ),
  )
  test('runs the checks that are asked for, exit 0 when all pass', async () => {
    const { code, stdout, stderr } = await flow('run', file(), '--check', 'space', '--check', 'both')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^pass {5}space {2}Free on \/: /)
    expect(stdout).toMatch(/\npass {5}both {3}2 of 2 pass; 2 needed\. \(\d+ ms\)\n$/)
  })
  test('runs all that are enabled, exit 3 when one did not pass', async () => {
    const { code, stdout } = await flow('run', file(), '--json')
    const results: { id: string; result: { outcome: string } }[] = JSON.parse(stdout)
    expect(code).toBe(3)
    expect(Object.fromEntries(results.map(({ id, result }) => [id, result.outcome]))).toEqual({
      a_port: 'fail',
      a_fresh: 'unknown',
      space: 'pass',
      here: 'pass',
      gone: 'fail',
      job: 'unknown',
      both: 'pass',
      either: 'warn',
    })
  })
  test('says what the board would: where a timeout counts as a failure it is one', async () => {
    const hanging = createServer(() => {})
    hanging.listen(0, '127.0.0.1')
    await once(hanging, 'listening')
    const { port } = hanging.address() as AddressInfo
    const late = join(folder, 'late.yaml')
    const web = `process: a, type: http, url: "http://127.0.0.1:${port}/", timeout: 200ms`
    await writeFile(
      late,
      chain({
        processes: ['a'],
        connections: [],
        more: `  - {id: late, ${web}}
  - {id: unsure, ${web}, on_timeout: unknown}
  - {id: either, process: a, type: any, of: [late, unsure]}`,
      }),
    )
    const { code, stdout } = await flow(
      'run',
      late,
      '--check',
      'late',
      '--check',
      'unsure',
      '--check',
      'either',
    )
    hanging.close()
    expect([code, stdout.split('\n').slice(0, 2)]).toEqual([
      3,
      [
        expect.stringMatching(/^fail {5}late {4}timeout: /),
        expect.stringMatching(/^unknown {2}unsure {2}timeout: /),
      ],
    ])
  })
  test('says that heartbeats need the portal', async () => {
    expect((await flow('run', file(), '--check', 'job')).stdout).toContain('Only the running portal')
  })
  test('refuses a check that is none, and a file that is wrong', async () => {
    expect(await flow('run', file(), '--check', 'spase')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean space?'),
    })
    expect((await flow('run', bad)).code).toBe(1)
  })
})
