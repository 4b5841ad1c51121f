import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { readTransitions } from '../../src/db/flow-history.ts'
import { couldNotTell, fail } from '../../src/domain/flows/checks/check-result.ts'
import type { FlowMonitorProcess } from '../../src/jobs/flow-monitor.ts'
import { asAdmin } from '../support/audit.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { liveMonitor, scriptedRunners } from '../support/flows/live-monitor.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const flowText = ({ id = 'files', name = 'Files', port = 8001, keys = '', more = '' } = {}) => `version: 1
flow: {id: ${id}, name: ${name}}
processes:
  - {id: unzip, name: Unzip}
health_checks:
  - {id: port, process: unzip, type: tcp_port, host: localhost, port: ${port}, interval: 200ms, timeout: 1s${keys}}
${more}`

let database: TestDatabase
let folder: string
let monitors: FlowMonitorProcess[]
let scripted: ReturnType<typeof scriptedRunners>
beforeEach(async () => {
  database = await testDatabase()
  folder = await temporaryFolder('flows')
  monitors = []
  scripted = scriptedRunners()
})
afterEach(async () => {
  await Promise.all(monitors.map((monitor) => monitor.stop()))
  await rm(folder, { recursive: true, force: true })
  await database.drop()
})

async function start(
  given = scripted,
  from = folder,
  environment: Record<string, string> = {},
): Promise<FlowMonitorProcess> {
  const monitor = liveMonitor(database, from, given.runners, { environment })
  monitors.push(monitor)
  await monitor.loaded
  return monitor
}
const put = (file: string, text: string) => writeFile(join(folder, file), text)
const state = (monitor: FlowMonitorProcess, id = 'files') => monitor.picture(id)?.assessment.state
const names = (monitor: FlowMonitorProcess) => monitor.list().map(({ flow }) => flow.name)
const view = (monitor: FlowMonitorProcess, check = 'port') =>
  monitor.picture('files')?.assessment.checks.get(check)
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 20 })
const down = fail('refused', 'Nobody listens.')

describe('a flow in the folder', () => {
  test('is watched: its checks run, and its picture says what they found', async () => {
    await put('files.yaml', flowText())
    const monitor = await start()
    expect(monitor.list()).toMatchObject([{ id: 'files', file: 'files.yaml', refused: undefined }])
    await until(() => expect(state(monitor)).toBe('HEALTHY'))
    scripted.answer(8001, down)
    await until(() => expect(state(monitor)).toBe('FAILED'))
    await until(() => expect(monitor.scheduler()).toMatchObject({ isStalled: false, overdue: 0 }))
  })

  test('tells who waits of every change, of it and of any', async () => {
    await put('files.yaml', flowText())
    const monitor = await start()
    await until(() => expect(state(monitor)).toBe('HEALTHY'))
    const stop = new AbortController()
    const seen = async (id: string | undefined) => {
      for await (const _ of monitor.changes(id, stop.signal)) if (state(monitor) === 'FAILED') return 'seen'
      return 'ended'
    }
    const waiting = [seen('files'), seen(undefined)]
    scripted.answer(8001, down)
    expect(await Promise.all(waiting)).toEqual(['seen', 'seen'])
    const other = seen('nobody')
    stop.abort()
    expect(await other).toMatch(/seen|ended/)
  })

  test('has its changes in history, of its processes and checks', async () => {
    await put('files.yaml', flowText())
    await start()
    const changes = async () =>
      (await readTransitions(database.db, 'files', { limit: 10 }))
        .map(({ process, check, from, to }) => `${process} ${check} ${from} ${to}`)
        .sort()
    const beginning = ['unzip port UNKNOWN HEALTHY', 'unzip undefined UNKNOWN HEALTHY']
    // Written down before the next one comes: what changes twice between two batches is one change.
    await until(async () => expect(await changes()).toEqual(beginning))
    scripted.answer(8001, down)
    await until(async () =>
      expect(await changes()).toEqual(
        [...beginning, 'unzip port HEALTHY FAILED', 'unzip undefined HEALTHY FAILED'].sort(),
      ),
    )
  })

  test('can be asked to check now; what cannot be run says so', async () => {
    const virtual = '  - {id: both, process: unzip, type: all, of: [port]}'
    await put(
      'files.yaml',
      flowText({ keys: ', interval: 1h', more: virtual }).replace('interval: 200ms, ', ''),
    )
    const monitor = await start()
    await until(() => expect(scripted.asked(8001)).toBe(1))
    expect(await monitor.checkNow('files', 'port')).toBe(true)
    await until(() => expect(scripted.asked(8001)).toBe(2))
    expect(await monitor.checkNow('files', 'both')).toBe(true)
    await until(() => expect(scripted.asked(8001)).toBe(3))
    expect(await monitor.checkNow('files', 'nobody')).toBe(false)
    expect(await monitor.checkNow('nobody', 'port')).toBe(false)
  })
})

describe('the folder', () => {
  test('may be missing or empty: then no flow is watched', async () => {
    const monitor = await start(scripted, join(folder, 'missing'))
    expect([monitor.list(), monitor.refusedFiles()]).toEqual([[], []])
  })

  test('is read again: a new flow, a changed one, one that is gone', async () => {
    const monitor = await start()
    await put('files.yaml', flowText())
    await put('notes.txt', 'not a flow')
    await until(() => expect(names(monitor)).toEqual(['Files']))
    await put('files.yaml', flowText({ name: 'Files two' }))
    await put(
      'other.json',
      JSON.stringify({
        version: 1,
        flow: { id: 'other', name: 'Other' },
        processes: [{ id: 'a' }],
        health_checks: [],
      }),
    )
    await until(() => expect(names(monitor)).toEqual(['Files two', 'Other']))
    await rm(join(folder, 'files.yaml'))
    await until(() => expect(names(monitor)).toEqual(['Other']))
  })

  test('may swap files by renaming over them, and by symbolic links above them', async () => {
    await put('files.yaml', flowText())
    for (const [version, name] of [
      ['one', 'Linked one'],
      ['two', 'Linked two'],
    ] as const) {
      await mkdir(join(folder, `..${version}`))
      await writeFile(join(folder, `..${version}`, 'linked.yml'), flowText({ id: 'linked', name }))
    }
    await symlink('..one', join(folder, '..data'))
    await symlink('..data/linked.yml', join(folder, 'linked.yml'))
    const monitor = await start()
    expect(names(monitor)).toEqual(['Files', 'Linked one'])
    await writeFile(join(folder, 'files.new'), flowText({ name: 'Renamed over' }))
    await rename(join(folder, 'files.new'), join(folder, 'files.yaml'))
    await symlink('..two', join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
    await until(() => expect(names(monitor)).toEqual(['Renamed over', 'Linked two']))
  })

  test('keeps what is known of a check whose meaning stays, and forgets one that means something else', async () => {
    await put('files.yaml', flowText())
    const monitor = await start()
    await until(() => expect(state(monitor)).toBe('HEALTHY'))
    const since = view(monitor)?.since
    await put('files.yaml', flowText({ keys: ', owner: somebody' }))
    await until(() => expect(monitor.list()[0]?.text).toContain('somebody'))
    expect(view(monitor)?.since).toBe(since)
    await put('files.yaml', flowText({ port: 8002 }))
    await until(() => expect(scripted.asked(8002)).toBeGreaterThan(0))
    await until(() => expect(view(monitor)?.since).toBeGreaterThan(since ?? 0))
  })
})

describe('a folder that vanishes', () => {
  test('takes no flow away, and the flows say so; also at the next start', async () => {
    await put('files.yaml', flowText())
    await put('other.yaml', flowText({ id: 'other', name: 'Other' }))
    const [elsewhere, monitor] = [`${folder}-elsewhere`, await start()]
    await rename(folder, elsewhere)
    const why = () => monitor.list().map(({ refused }) => refused?.mistakes[0]?.message)
    const gone = expect.stringContaining('The folder of flows is not there any more')
    await until(() => expect(why()).toEqual([gone, gone]))
    expect(names(monitor)).toEqual(['Files', 'Other'])
    const before = scripted.asked(8001)
    await until(() => expect(scripted.asked(8001)).toBeGreaterThan(before))
    await monitor.stop()
    monitors = []
    const again = await start()
    expect(names(again)).toEqual(['Files', 'Other'])
    await rename(elsewhere, folder)
    await until(() => expect(again.list().map(({ refused }) => refused)).toEqual([undefined, undefined]))
    await rm(join(folder, 'other.yaml'))
    await until(() => expect(names(again)).toEqual(['Files']))
  })
})

describe('a file whose reading takes long', () => {
  test('holds up neither another change nor what runs', async () => {
    await put('files.yaml', flowText())
    const monitor = await start()
    await put('perverse.yaml', '"'.repeat(1_040_000))
    await put('files.yaml', flowText({ name: 'Files two' }))
    await until(() => expect(names(monitor)).toEqual(['Files two']))
    expect(monitor.refusedFiles(), 'not read yet').toEqual([])
    await put('perverse.yaml', 'version: 1')
    await until(() =>
      expect(monitor.refusedFiles()).toMatchObject([{ file: 'perverse.yaml', text: 'version: 1' }]),
    )
  })
})

describe('a wrong file', () => {
  test('changes nothing of what runs, and is told with its line', async () => {
    await put('files.yaml', flowText())
    const monitor = await start()
    await put('files.yaml', flowText({ keys: ', max_aeg: 3m' }))
    await until(() => expect(monitor.list()[0]?.refused?.mistakes).toMatchObject([{ line: 6 }]))
    const before = scripted.asked(8001)
    await until(() => expect(scripted.asked(8001)).toBeGreaterThan(before + 2))
    expect(monitor.list()[0]).toMatchObject({ text: flowText(), refused: { file: 'files.yaml' } })
    await put('files.yaml', flowText({ name: 'Mended' }))
    await until(() =>
      expect(monitor.list()).toMatchObject([{ flow: { name: 'Mended' }, refused: undefined }]),
    )
  })

  test('that has never been right stands for no flow', async () => {
    await put('files.yaml', 'version: 1')
    const monitor = await start()
    expect(monitor.list()).toEqual([])
    expect(monitor.refusedFiles()).toMatchObject([{ file: 'files.yaml', text: 'version: 1' }])
  })

  test('at the start: what it last said that was right goes on', async () => {
    await put('files.yaml', flowText())
    const first = await start()
    await first.stop()
    monitors = []
    await put('files.yaml', 'broken: [')
    const monitor = await start()
    expect(monitor.list()).toMatchObject([{ id: 'files', text: flowText(), refused: { text: 'broken: [' } }])
    await until(() => expect(state(monitor)).toBe('HEALTHY'))
  })

  test('with an id that another file has is refused, whichever comes first by name', async () => {
    await put('files.yaml', flowText())
    const monitor = await start()
    await put('a-copy.yaml', flowText({ name: 'Copy' }))
    await until(() => expect(monitor.refusedFiles()).toMatchObject([{ file: 'a-copy.yaml' }]))
    expect(names(monitor)).toEqual(['Files'])
    expect(monitor.refusedFiles()[0]?.mistakes[0]?.message).toContain('files.yaml')
    await rm(join(folder, 'files.yaml'))
    await until(() => expect(names(monitor)).toEqual(['Copy']))
  })

  test.each([
    ['too large', () => put('files.yaml', `# ${'x'.repeat(1_048_576)}`), /larger than 1 MiB/],
    ['no text', () => writeFile(join(folder, 'files.yaml'), Buffer.from([0xff, 0xfe, 0x00])), /UTF-8/],
    [
      'no file',
      () => rm(join(folder, 'files.yaml')).then(() => mkdir(join(folder, 'files.yaml'))),
      /no file/,
    ],
    [
      'a link to itself',
      () => rm(join(folder, 'files.yaml')).then(() => symlink('files.yaml', join(folder, 'files.yaml'))),
      /cannot be read \(ELOOP\)/,
    ],
  ])('that is %s is refused with a sentence', async (_, spoil, sentence) => {
    await put('files.yaml', flowText())
    const monitor = await start()
    await spoil()
    await until(() => expect(monitor.list()[0]?.refused?.mistakes[0]?.message).toMatch(sentence))
    expect(names(monitor)).toEqual(['Files'])
  })
})

describe('of two processes', () => {
  test('one runs the checks and both show the same', async () => {
    await put('files.yaml', flowText())
    const other = scriptedRunners()
    const [one, two] = [await start(), await start(other)]
    await until(() => expect([state(one), state(two)]).toEqual(['HEALTHY', 'HEALTHY']))
    scripted.answer(8001, down)
    other.answer(8001, down)
    await until(() => expect([state(one), state(two)]).toEqual(['FAILED', 'FAILED']))
    expect([scripted.asked(8001), other.asked(8001)].filter((count) => count === 0)).toHaveLength(1)
    await until(() => expect([one.scheduler().isStalled, two.scheduler().isStalled]).toEqual([false, false]))
  })

  test('both show the same when each fills the file with what is its own', async () => {
    await put('files.yaml', flowText().replace('host: localhost', `host: "\${OWN_HOST}"`))
    const other = scriptedRunners()
    const one = await start(scripted, folder, { OWN_HOST: 'one.example' })
    const two = await start(other, folder, { OWN_HOST: 'two.example' })
    await until(() => expect([state(one), state(two)]).toEqual(['HEALTHY', 'HEALTHY']))
    expect([scripted.asked(8001), other.asked(8001)].filter((count) => count === 0)).toHaveLength(1)
  })

  test('the one that does not run them can ask for a run as well', async () => {
    await put('files.yaml', flowText().replace('200ms', '1h'))
    const one = await start()
    await until(() => expect(state(one)).toBe('HEALTHY'))
    const two = await start(scriptedRunners())
    const before = scripted.asked(8001)
    expect(await two.checkNow('files', 'port')).toBe(true)
    await until(() => expect(scripted.asked(8001)).toBeGreaterThan(before))
  })

  test('the other goes on with what is remembered when the connection of the first is cut', async () => {
    await put('files.yaml', flowText({ keys: ', failure_threshold: 100' }))
    const one = await start()
    await until(() => expect(state(one)).toBe('HEALTHY'))
    const other = scriptedRunners()
    scripted.answer(8001, down)
    other.answer(8001, down)
    const two = await start(other)
    await until(() => expect(view(two)?.confirming?.count).toBeGreaterThan(2))
    const [since, count] = [view(two)?.since, view(two)?.confirming?.count ?? 0]
    monitors = [two]
    await one.stop()
    await until(() => expect(other.asked(8001)).toBeGreaterThan(2))
    // A run is counted when it begins, and shown when it was written down.
    await until(() => expect(view(two)?.confirming?.count).toBeGreaterThan(count))
    expect(view(two)?.since).toBe(since)
    expect((await readTransitions(database.db, 'files', { limit: 9 })).map(({ to }) => to)).toEqual([
      'HEALTHY',
      'HEALTHY',
    ])
  })
})

describe('without the database', () => {
  test('what is known gets old and UNKNOWN, and all goes on when it is back', async () => {
    await put('files.yaml', flowText({ keys: ', ttl: 2s' }))
    const monitor = await start()
    await until(() => expect(state(monitor)).toBe('HEALTHY'))
    const name = new URL(database.url).pathname.slice(1)
    const elsewhere = new URL(database.adminUrl)
    elsewhere.pathname = '/postgres'
    await asAdmin(elsewhere.href, `alter database ${name} with allow_connections false`)
    await asAdmin(
      elsewhere.href,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
    )
    await until(() => expect(view(monitor)).toMatchObject({ state: 'UNKNOWN', reason: 'late' }))
    await put('files.yaml', flowText({ name: 'Changed meanwhile', keys: ', ttl: 2s' }))
    await until(() => expect(names(monitor)).toEqual(['Changed meanwhile']))
    await until(() => expect(monitor.scheduler().isStalled).toBe(true))
    await asAdmin(elsewhere.href, `alter database ${name} with allow_connections true`)
    await until(() => expect([state(monitor), monitor.scheduler().isStalled]).toEqual(['HEALTHY', false]))
    await until(async () => {
      const { rows } = await sql<{ text: string }>`select text from flow_texts`.execute(database.db)
      expect(rows[0]?.text).toContain('Changed meanwhile')
    })
  })
})

describe('a result that could not be stored as text', () => {
  test('is stored nevertheless', async () => {
    await put('files.yaml', flowText())
    scripted.answer(8001, couldNotTell('bad_value', 'It said \0 and \ud800.'))
    // Whichever of the two leads finds the same.
    const [one, two] = [await start(), await start()]
    await until(() => expect([view(one)?.reason, view(two)?.reason]).toEqual(['bad_value', 'bad_value']))
  })
})
