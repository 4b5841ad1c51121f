import { describe, expect, test } from 'vitest'
import { CheckRequests } from '../../../../src/domain/flows/monitor/check-requests.ts'
import { processHistory, redundantProcesses } from '../../../../src/domain/flows/monitor/flow-history.ts'
import type { State } from '../../../../src/domain/flows/state/state.ts'
import { chain, flowOf } from '../../../support/flows/flow-text.ts'

const past = (more: string, known: Readonly<Record<string, readonly (State | undefined)[]>>) =>
  processHistory(
    flowOf(chain({ processes: ['a'], connections: [], more })),
    new Map(Object.entries(known)),
    3,
  ).get('a')

describe('the past of a process', () => {
  test('is the worst of its checks in each slot, and nothing where nothing is known', () => {
    expect(
      past('', { a_port: ['HEALTHY', 'FAILED', undefined], a_fresh: ['DEGRADED', 'HEALTHY', undefined] }),
    ).toEqual(['DEGRADED', 'FAILED', undefined])
  })

  test('is no worse than DEGRADED by a warning', () => {
    const disk = '  - {id: a_disk, process: a, type: disk, path: /, free: {fail: 10%}, severity: warning}'
    expect(past(disk, { a_disk: ['FAILED', 'HEALTHY', 'HEALTHY'] })).toEqual([
      'DEGRADED',
      'HEALTHY',
      'HEALTHY',
    ])
  })

  test('is that of its rollup: one of two that stand in for each other was DEGRADED, not FAILED', () => {
    const text = chain({ processes: ['a'], connections: [] }).replace('name: A}', 'name: A, rollup: best}')
    const known = new Map<string, readonly (State | undefined)[]>([
      ['a_port', ['HEALTHY', 'FAILED', 'FAILED']],
      ['a_fresh', ['HEALTHY', 'HEALTHY', 'FAILED']],
    ])
    expect(processHistory(flowOf(text), known, 3).get('a')).toEqual(['HEALTHY', 'DEGRADED', 'FAILED'])
  })

  test('is no worse than what was shown where checks stand in for each other', () => {
    const text = chain({ processes: ['a', 'b'], connections: [] }).replace(
      'name: A}',
      'name: A, rollup: best}',
    )
    const known = new Map<string, readonly (State | undefined)[]>([
      ['a_port', ['FAILED', 'FAILED', 'HEALTHY']],
      ['a_fresh', ['FAILED', 'FAILED', 'HEALTHY']],
    ])
    const flow = flowOf(text)
    expect(redundantProcesses(flow)).toEqual(['a'])
    const shown = new Map([['a', ['DEGRADED', undefined, 'FAILED'] as const]])
    expect(processHistory(flow, known, 3, shown).get('a')).toEqual(['DEGRADED', 'FAILED', 'HEALTHY'])
  })

  test('is UNKNOWN where one of its checks fell silent, and not before that was first heard', () => {
    expect(
      past('', { a_port: ['HEALTHY', 'HEALTHY', 'HEALTHY'], a_fresh: [undefined, 'HEALTHY', undefined] }),
    ).toEqual(['HEALTHY', 'HEALTHY', 'UNKNOWN'])
  })

  test.each([
    ['type: any', ['DEGRADED', 'HEALTHY', 'FAILED']],
    ['type: all', ['FAILED', 'HEALTHY', 'FAILED']],
    ['type: at_least, count: 2', ['FAILED', 'HEALTHY', 'FAILED']],
  ])('counts what is made of other checks, %s', (kind, expected) => {
    const text = chain({
      processes: ['a', 'b'],
      connections: [],
      more: `  - {id: b_both, process: b, ${kind}, of: [a_port, a_fresh]}`,
    })
    const known = new Map<string, readonly (State | undefined)[]>([
      ['a_port', ['HEALTHY', 'HEALTHY', 'FAILED']],
      ['a_fresh', ['FAILED', 'HEALTHY', 'FAILED']],
    ])
    expect(processHistory(flowOf(text), known, 3).get('b')).toEqual(expected)
  })
})

describe('asking for a run', () => {
  test('is once in five seconds a check', () => {
    const requests = new CheckRequests()
    expect(requests.take('f', 'a', 1_000)).toMatchObject({ ok: true })
    expect(requests.take('f', 'b', 1_000)).toMatchObject({ ok: true })
    expect(requests.take('f', 'a', 4_000)).toMatchObject({
      ok: false,
      problem: { kind: 'conflict', message: 'a was asked for a moment ago. Ask again in 2 s.' },
    })
    expect(requests.take('f', 'a', 6_000)).toMatchObject({ ok: true })
  })
})
