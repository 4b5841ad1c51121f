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

  test('starves the track that leads on from it', () => {
    expect(state.tracks).toEqual(['starved', 'starved'])
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
