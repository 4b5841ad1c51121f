import { chmod, link, mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findFiles } from '../../../src/adapters/checks/find-files.ts'
import { runOne } from '../../support/flows/run-one.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const minute = 60_000
const now = Date.UTC(2026, 10, 21, 12)
let folder: string
const at = { now }
const base = await temporaryFolder('check-files')
const { run, verdict } = runOne({ baseFolder: base })

async function put(path: string, age = 0, text = 'x'): Promise<void> {
  const file = join(folder, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
  await utimes(file, new Date(now - age), new Date(now - age))
}

beforeAll(async () => {
  folder = base
  await put('in/a.zip', 5 * minute)
  await put('in/b.zip', 90 * minute, 'xx')
  await put('in/.hidden.zip')
  await put('in/deep/er/c.zip')
  await put('in/notes.txt')
  await put('store/2026-11-21/today.gz')
  await put('odd/[a]*.txt')
  await mkdir(join(folder, 'empty'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('finding files', () => {
  const find = async (pattern: string, maxEntries = 1_000) => {
    const found = await findFiles(pattern, {
      baseFolder: folder,
      maxEntries,
      signal: new AbortController().signal,
    })
    return found.truncated ? 'truncated' : found.files.map((file) => file.path).toSorted()
  }
  test('matches within a name, as a shell does', async () => {
    expect(await find('in/*.zip')).toEqual(['in/a.zip', 'in/b.zip'])
    expect(await find('in/[!a].zip')).toEqual(['in/b.zip'])
    expect(await find('in/.*.zip')).toEqual(['in/.hidden.zip'])
    expect(await find(`${folder}/in/?.zip`)).toEqual([`${folder}/in/a.zip`, `${folder}/in/b.zip`])
    expect(await find('*/a.zip')).toEqual(['in/a.zip'])
  })
  test('** is any depth, none included', async () => {
    expect(await find('in/**/*.zip')).toEqual(['in/a.zip', 'in/b.zip', 'in/deep/er/c.zip'])
    expect(await find('**/c.zip')).toEqual(['in/deep/er/c.zip'])
  })
  test('does not pass over a name that is not UTF-8', async () => {
    await mkdir(join(folder, 'latin'))
    await writeFile(Buffer.from(`${folder}/latin/Z\xfcrich.zip`, 'latin1'), 'x')
    expect(await verdict('directory_backlog', 'path: latin, count: {fail: "0"}', at)).toBe(
      'unknown bad_value',
    )
    expect(await verdict('file_exists', 'glob: latin/*.txt, min_count: 0', at)).toBe('pass')
  })
  test('follows links, and never goes round in them', async () => {
    await put('loop/one/file.dat')
    await symlink(join(folder, 'loop'), join(folder, 'loop/one/again'))
    await symlink('self', join(folder, 'loop/self'))
    await symlink('nowhere', join(folder, 'loop/broken.dat'))
    await symlink(join(folder, 'in'), join(folder, 'loop/linked'))
    expect(await find('loop/**/*.dat')).toEqual(['loop/one/file.dat'])
    expect(await find('loop/linked/*.zip')).toEqual(['loop/linked/a.zip', 'loop/linked/b.zip'])
    expect(await find('loop/**/b.zip')).toContain('loop/linked/b.zip')
  })
  test('ends at max_entries, which counts each entry once', async () => {
    expect(await find('in/**/*.zip', 7)).toEqual(['in/a.zip', 'in/b.zip', 'in/deep/er/c.zip'])
    expect(await find('in/**/*.zip', 6)).toBe('truncated')
    expect(await find('in/*', 2)).toBe('truncated')
  })
})

describe('file_exists', () => {
  test('passes, and lists the newest files', async () => {
    expect(await run('file_exists', 'glob: in/*.zip', at)).toMatchObject({
      outcome: 'pass',
      value: 2,
      rows: [
        { file: 'in/a.zip', size: 1, modified_at: '2026-11-21T11:55:00.000Z' },
        { file: 'in/b.zip', size: 2 },
      ],
    })
  })
  test('knows the day of the time zone', async () => {
    expect(await verdict('file_exists', 'glob: "store/{{today}}/*.gz"', at)).toBe('pass')
    expect(await verdict('file_exists', 'glob: "store/{{today}}/*.gz"', { now: now + 86_400_000 })).toBe(
      'unknown no_data',
    )
  })
  test('a name is no pattern where it is a path', async () => {
    expect(await verdict('file_exists', 'path: "odd/[a]*.txt"', at)).toBe('pass')
    expect(await verdict('file_exists', 'path: odd, kind: directory', at)).toBe('pass')
    expect(await verdict('file_exists', 'path: odd, kind: file', at)).toBe('fail not_found')
  })
  test('fails for a file that is not there, or has the wrong size', async () => {
    expect(await verdict('file_exists', 'path: in/none.zip', at)).toBe('fail not_found')
    expect(await verdict('file_exists', 'glob: in/*.zip, min_size: 1KiB', at)).toBe('fail limit')
  })
  test('cannot tell for a malformed pattern', async () => {
    expect(await verdict('file_exists', 'glob: "in/[a"', at)).toBe('unknown bad_value')
  })
})

describe('file_fresh', () => {
  test('passes, warns and fails by age', async () => {
    expect(await verdict('file_fresh', 'glob: in/*.zip, max_age: 10m', at)).toBe('pass')
    expect(await verdict('file_fresh', 'glob: in/*.zip, warn_age: 2m, max_age: 10m', at)).toBe('warn limit')
    expect(await verdict('file_fresh', 'glob: in/*.zip, which: oldest, max_age: 1h', at)).toBe('fail limit')
  })
  test('a folder as path stands for its files', async () => {
    expect(await run('file_fresh', 'path: in, max_age: 10m', at)).toMatchObject({
      outcome: 'pass',
      evidence: [{ value: 'in/notes.txt (1 bytes)' }],
    })
  })
  test('goes by the name where a pattern says so', async () => {
    await mkdir(join(folder, 'named'))
    for (const name of ['G-HELI_20261121T1405.zip', 'G-HELI_20261121T1359.zip', 'README']) {
      await writeFile(join(folder, 'named', name), '')
    }
    const keys = 'glob: named/*, max_age: 10m, time: "{{YYYY}}{{MM}}{{DD}}T{{hh}}{{mm}}"'
    const later = { now: Date.parse('2026-11-21T14:12:00Z'), timezone: 'UTC' }
    expect(await run('file_fresh', keys, later)).toMatchObject({
      outcome: 'pass',
      value: 7 * 60_000,
      message: expect.stringContaining('1 file is left out'),
      evidence: [{ value: 'named/G-HELI_20261121T1405.zip (0 bytes)' }],
    })
    expect(await verdict('file_fresh', keys, { ...later, timezone: 'Europe/Berlin' })).toBe('fail limit')
  })
  test('has no data without a finished file', async () => {
    expect(await verdict('file_fresh', 'glob: in/*.zip, max_age: 1h, stable_for: 2h', at)).toBe(
      'unknown no_data',
    )
  })
})

describe('directory_backlog and file_count', () => {
  test('count files, not folders', async () => {
    expect(await run('directory_backlog', 'path: in, count: {warn: "2", fail: "5"}', at)).toMatchObject({
      outcome: 'warn',
      value: 3,
    })
    expect(await verdict('directory_backlog', 'glob: in/*.zip, oldest_age: {fail: 1h}', at)).toBe(
      'fail limit',
    )
    expect(await verdict('file_count', 'glob: in/*.zip, window: 10m, count: {fail: "1:"}', at)).toBe('pass')
    expect(await verdict('file_count', 'glob: in/*.zip, window: 1m, count: {fail: "1:"}', at)).toBe(
      'fail limit',
    )
  })
  test('an empty folder has no backlog; of one that is not there nothing is known', async () => {
    expect(await verdict('directory_backlog', 'path: empty, count: {fail: "5"}', at)).toBe('pass')
    expect(await verdict('directory_backlog', 'path: away, count: {fail: "5"}', at)).toBe('unknown no_data')
    expect(await run('directory_backlog', 'glob: away/*.zip, count: {fail: "5"}', at)).toMatchObject({
      outcome: 'unknown',
      message: 'away is not there.',
    })
    expect(await verdict('file_count', 'glob: away/*, count: {fail: "5"}', at)).toBe('unknown no_data')
  })
  test('cannot tell when the walk was cut short', async () => {
    expect(await verdict('directory_backlog', 'glob: in/*, max_entries: 2, count: {fail: "5"}', at)).toBe(
      'unknown no_data',
    )
  })
})

test('the walk ends when time is over', async () => {
  const signal = AbortSignal.abort()
  expect(await verdict('file_count', 'glob: in/*, count: {fail: "5"}', { ...at, signal })).toBe(
    'unknown timeout',
  )
})

describe('reconcile and volume of files', () => {
  test('what went in is what came out', async () => {
    await put('done/a.tsv', minute)
    await put('refused/b.rdf', minute)
    const keys = (right: string) =>
      `left: {type: file_count, glob: "in/*.zip"}, right: {type: file_count, glob: "${right}"}, tolerance: {fail: 5%}`
    expect(await verdict('reconcile', keys('in/*.zip'), at)).toBe('pass')
    expect(await verdict('reconcile', keys('done/*'), at)).toBe('fail limit')
    expect(
      await verdict(
        'reconcile',
        `${keys('done/*')}, also_subtract: {type: file_count, glob: "refused/*"}`,
        at,
      ),
    ).toBe('pass')
    expect(await verdict('reconcile', keys('away/*'), at)).toBe('unknown no_data')
  })
  test('counts whole buckets', async () => {
    await put('flow/last', 30 * minute)
    for (const hours of [1, 2, 3, 4]) await put(`flow/before-${hours}`, (hours + 0.5) * 60 * minute)
    await put('flow/now', -minute)
    const keys = 'metric: {type: file_count, glob: "flow/*", bucket: 1h}'
    expect(await run('volume', `${keys}, min: 1`, at)).toMatchObject({ outcome: 'pass', value: 1 })
    expect(await verdict('volume', `${keys}, min: 2`, at)).toBe('fail limit')
    const usual = 'anomaly: {history: 4h, min_samples: 4, direction: drop}'
    expect(await verdict('volume', `${keys}, ${usual}`, at)).toBe('pass')
    expect(await verdict('volume', `${keys}, ${usual}`, { now: now + 60 * minute })).toBe('pass')
    expect(await verdict('volume', `${keys}, ${usual}`, { now: now + 120 * minute })).toBe('fail limit')
    expect(await verdict('volume', `${keys}, anomaly: {history: 2h, min_samples: 4}`, at)).toBe(
      'unknown learning',
    )
  })
})

describe('disk', () => {
  test('passes, warns and fails by free space', async () => {
    expect(await verdict('disk', 'path: ., free: {fail: 1KiB}', at)).toBe('pass')
    expect(await verdict('disk', 'path: ., free: {warn: 100%}', at)).toBe('warn limit')
    expect(await verdict('disk', 'path: ., free: {fail: 100%}', at)).toBe('fail limit')
  })
  test('cannot tell of a path that is not there', async () => {
    expect(await verdict('disk', 'path: away, free: {fail: 1%}', at)).toBe('unknown not_found')
  })
})

describe('what may not be read', () => {
  beforeAll(async () => {
    await put('locked/in/a.zip')
    await put('mine.txt')
    await chmod(join(folder, 'mine.txt'), 0o000)
    await chmod(join(folder, 'locked'), 0o000)
  })
  afterAll(() => chmod(join(folder, 'locked'), 0o755))

  test.each([
    ['file_fresh', 'glob: locked/in/*.zip, max_age: 1h', 'unknown permission'],
    ['directory_backlog', 'path: locked/in, count: {fail: "5"}', 'unknown permission'],
    ['file_count', 'glob: "locked/**/*.zip", count: {fail: "5"}', 'unknown permission'],
    ['file_exists', 'path: locked/in/a.zip', 'unknown permission'],
    ['file_exists', 'path: mine.txt', 'pass'],
    ['file_exists', 'path: mine.txt, readable: true', 'fail limit'],
    ['file_integrity', 'path: mine.txt, method: magic, magic: "78"', 'unknown permission'],
  ])('%s of %s is %s', async (type, keys, expected) => {
    expect(await asNobody(() => verdict(type, keys, at))).toBe(expected)
  })
})

/** Root may read everything, so it looks as somebody else. */
async function asNobody<T>(look: () => Promise<T>): Promise<T> {
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  try {
    return await look()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}

test('hard links count as files of their own', async () => {
  await put('hard/one')
  await link(join(folder, 'hard/one'), join(folder, 'hard/two'))
  expect((await run('file_count', 'glob: hard/*, count: {fail: "5"}', at)).value).toBe(2)
})
