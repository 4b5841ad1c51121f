import { describe, expect, test } from 'vitest'
import { boardState } from '../../../../src/domain/flows/board/board-state.ts'
import type { Mistake } from '../../../../src/domain/flows/configuration/located.ts'
import type { SchedulerState } from '../../../../src/domain/flows/monitor/flow-monitor.ts'
import { chain } from '../../../support/flows/flow-text.ts'
import { playedFlows, watched } from '../../../support/flows/watched.ts'

const text = chain({
  processes: ['unzip', 'parse', 'store'],
  connections: ['{from: unzip, to: parse, max_lag: 10m}', '{from: parse, to: store, max_lag: 10m}'],
})
const start = Date.UTC(2026, 10, 21, 14)
const running: SchedulerState = { lagMs: 3, overdue: 0, seenAt: start, isStalled: false }

/** A flow that played these, minutes after they came. */
function played(
  results: Readonly<Record<string, 'pass' | 'fail' | 'warn' | 'unknown'>>,
  { more = text, failsIn = 20 * 60_000 } = {},
) {
  let now = start
  const flow = watched(more)
  const flows = playedFlows([flow], () => now)
  for (const { id } of flow.flow.checks) {
    const outcome = results[id] ?? 'pass'
    const left = id.endsWith('_fresh') && outcome === 'pass' ? { failsIn } : {}
    flows.play('chain', id, { outcome, message: `${id} ${outcome}`, ...left })
  }
  now += 5_000
  const picture = flows.monitor.picture('chain')
  if (picture === undefined) throw new Error('no picture')
  return { picture, flow, now }
}
const shown = (...given: Parameters<typeof played>) => {
  const { picture, now } = played(...given)
  return boardState(picture, running, now)
}

describe('a healthy flow', () => {
  test('is green, and says so', () => {
    const state = shown({})
    expect([state.worst, state.icon, state.title]).toEqual(['healthy', 'healthy', 'Chain'])
    expect(state.headline).toEqual({ before: 'All 3 processes are healthy', name: '', after: '', size: 'l' })
    expect(state.counts.healthy).toBe(3)
  })
})

describe('a root cause', () => {
  const state = shown({ unzip_port: 'fail', parse_fresh: 'fail', store_fresh: 'fail' })

  test('is named in headline, title and icon', () => {
    expect(state.headline).toEqual({
      before: '',
      name: 'UNZIP',
      after: 'stopped 5 s ago, 2 processes wait',
      size: 'l',
    })
    expect([state.worst, state.icon, state.title]).toEqual(['failed', 'failed-1', '(1) UNZIP failed · Chain'])
    expect(state.because).toBe('UNZIP: unzip_port fail.')
  })

  test('alone is failed; what starves waits for it', () => {
    expect(state.processes.map(({ look, word, line }) => [look, word, line])).toEqual([
      ['failed', 'FAILED', 'unzip_port fail'],
      ['waits', 'WAITS', 'waiting for UNZIP'],
      ['waits', 'WAITS', 'waiting for UNZIP'],
    ])
  })

  test('of several is the same in headline, reason and title', () => {
    let now = start
    const flow = watched(text)
    const flows = playedFlows([flow], () => now)
    for (const { id } of flow.flow.checks) flows.play('chain', id, { outcome: 'pass', message: 'fine' })
    for (const id of ['store_port', 'unzip_port']) {
      now += 1_000
      flows.play('chain', id, { outcome: 'fail', message: `${id} fail` })
    }
    const picture = flows.monitor.picture('chain')
    if (picture === undefined) throw new Error('no picture')
    const several = boardState(picture, running, now)
    expect(several.headline).toMatchObject({ name: 'STORE', after: 'and UNZIP stopped' })
    expect(several.because).toBe('STORE: store_port fail.')
    expect(several.title).toBe('(2) STORE failed · Chain')
  })

  test('starves the track that leads on from it', () => {
    expect(state.tracks).toEqual(['starved', 'starved'])
  })
})

describe('what is degraded', () => {
  test('is named with its reason', () => {
    const state = shown({ parse_port: 'warn' })
    expect(state.headline).toMatchObject({ name: 'PARSE', after: 'has been degraded for 5 s' })
    expect(state.because).toBe('PARSE: parse_port warn.')
    expect(state.title).toBe('(1!) PARSE degraded · Chain')
  })

  test('with others is counted with them', () => {
    expect(shown({ parse_port: 'warn', store_port: 'warn' }).headline).toMatchObject({
      name: 'PARSE',
      after: 'and 1 more process are degraded',
    })
  })

  test('and fed by what failed does not wait yet', () => {
    const state = shown({ unzip_port: 'fail', parse_fresh: 'warn', store_fresh: 'fail' })
    expect(state.headline).toMatchObject({ name: 'UNZIP', after: 'stopped 5 s ago, 1 process waits' })
    expect(state.counts).toMatchObject({ failed: 1, waits: 1, degraded: 1 })
  })
})

describe('at risk', () => {
  test('shows while less time is left than the configuration says', () => {
    const state = shown({ unzip_port: 'fail' })
    expect(state.processes[1]).toMatchObject({ look: 'at-risk', word: 'HEALTHY', line: 'starves in 19 min' })
    expect(state.tracks[0]).toBe('at-risk')
  })

  test('does not show while there is more', () => {
    const state = shown({ unzip_port: 'fail' }, { failsIn: 2 * 3_600_000 })
    expect(state.processes[1]).toMatchObject({ look: 'healthy' })
    expect(state.tracks[0]).toBe('flows')
  })
})

test('what is still confirming says how far', () => {
  const more = chain({
    processes: ['unzip', 'parse'],
    connections: ['{from: unzip, to: parse}'],
    checkKeys: ', failure_threshold: 3',
  })
  let now = start
  const flows = playedFlows([watched(more)], () => now)
  for (const outcome of ['pass', 'fail'] as const) {
    for (const id of ['unzip_port', 'unzip_fresh', 'parse_port', 'parse_fresh']) {
      flows.play('chain', id, {
        outcome: id === 'unzip_port' ? outcome : 'pass',
        message: `${id} ${outcome}`,
      })
    }
    now += 1_000
  }
  const picture = flows.monitor.picture('chain')
  if (picture === undefined) throw new Error('no picture')
  const state = boardState(picture, running, now)
  expect(state.processes[0]).toMatchObject({
    look: 'confirming',
    word: '1 OF 3',
    line: 'confirming: unzip_port fail',
  })
  expect(state.headline.name).toBe('UNZIP')
  expect(state.because).toBe('UNZIP: unzip_port fail.')
})

test('what is confirming is said by the check that fails, whichever it is', () => {
  const more = chain({ processes: ['unzip'], connections: [], checkKeys: ', failure_threshold: 3' })
  const flows = playedFlows([watched(more)], () => start)
  for (const outcome of ['pass', 'fail'] as const) {
    flows.play('chain', 'unzip_port', { outcome: 'pass', message: 'fine' })
    flows.play('chain', 'unzip_fresh', { outcome, message: `files ${outcome}` })
  }
  const picture = flows.monitor.picture('chain')
  if (picture === undefined) throw new Error('no picture')
  expect(boardState(picture, running, start).processes[0]?.line).toBe('confirming: files fail')
})

test('a name is found where it stands, not within another word', () => {
  const more = chain({ processes: ['n', 'th'], connections: [] })
  const { headline } = shown({ th_port: 'unknown', th_fresh: 'unknown' }, { more })
  expect(headline).toMatchObject({ before: 'Nothing has been known of', name: 'TH' })
  const { headline: other } = shown({ n_port: 'unknown', n_fresh: 'unknown' }, { more })
  expect(other).toMatchObject({ before: 'Nothing has been known of', name: 'N' })
})

test('what nothing is known of is unknown, never green', () => {
  const flows = playedFlows([watched(text)], () => start)
  const picture = flows.monitor.picture('chain')
  if (picture === undefined) throw new Error('no picture')
  const state = boardState(picture, running, start)
  expect([state.worst, state.icon, state.counts.unknown]).toEqual(['unknown', 'unknown', 3])
  expect(state.title).toBe('(3?) UNZIP unknown · Chain')
})

describe('the monitor itself', () => {
  test('says that nothing is checked, and is not green then', () => {
    const { picture, now } = played({})
    const state = boardState(picture, { ...running, isStalled: true, seenAt: start - 55_000 }, now)
    expect([state.headline.before, state.worst]).toEqual(['Nothing has been checked for 1 min', 'unknown'])
    expect([state.title, state.icon]).toEqual(['(?) Nothing is checked · Chain', 'unknown'])
  })

  test('says that checks are late', () => {
    const { picture, now } = played({})
    expect(boardState(picture, { ...running, overdue: 2 }, now).warning).toBe(
      'The checks are late: 2 are overdue',
    )
  })

  test('says where a configuration was refused', () => {
    const { picture, now } = played({})
    const mistake = {
      severity: 'error',
      file: 'chain.yaml',
      line: 41,
      column: 5,
      path: 'health_checks[7].max_aeg',
      message: 'Unknown key.',
      suggestion: 'max_age',
    } as const
    const refused = { file: 'chain.yaml', text: '', at: now, mistakes: [mistake, { ...mistake, line: 50 }] }
    const state = boardState({ ...picture, watched: { ...picture.watched, refused } }, running, now)
    expect(state.warning).toBe(
      'config refused: line 41, health_checks[7].max_aeg, did you mean max_age?, and 1 more',
    )
    // A slip of a key makes that key missing too, further up; the slip is what helps.
    const missing = { ...mistake, line: 40, path: 'health_checks[7]', message: 'The key max_age is missing.' }
    const { suggestion: _, ...plain } = missing
    const warningOf = (mistakes: readonly Mistake[]) =>
      boardState(
        { ...picture, watched: { ...picture.watched, refused: { ...refused, mistakes } } },
        running,
        now,
      ).warning
    expect(warningOf([plain, mistake])).toContain('line 41, health_checks[7].max_aeg, did you mean max_age?')
    expect(warningOf([plain, plain])).toBe(
      'config refused: line 40, health_checks[7]: The key max_age is missing, and 1 more',
    )
  })
})
