import { describe, expect, test } from 'vitest'
import {
  type PeriodicWork,
  periodicStates,
  periodicWorkNames,
  periodicWorks,
} from '../../../src/domain/system/periodic-work.ts'

const now = new Date('2026-11-21T12:00:00Z')
const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000)
const sweep = (work: Partial<PeriodicWork>): PeriodicWork => ({
  name: 'sweep',
  lastStartedAt: ago(10),
  lastEndedAt: ago(9),
  outcome: 'done',
  ...work,
})
const stateOf = (work?: PeriodicWork) => {
  const state = periodicStates(work === undefined ? [] : [work], now).find(({ name }) => name === 'sweep')
  return [state?.state, state?.word]
}

test('every work is told, also one that nobody ever did', () => {
  expect(periodicStates([], now).map(({ name }) => name)).toEqual(periodicWorkNames)
  expect([...periodicWorkNames].sort()).toEqual(Object.keys(periodicWorks).sort())
})

describe('work that comes round', () => {
  test('is done', () => expect(stateOf(sweep({}))).toEqual(['healthy', 'Done']))

  test('is at work, whatever happened before', () =>
    expect(stateOf(sweep({ lastStartedAt: ago(1), outcome: 'failed' }))).toEqual(['running', 'At work']))

  test('never ran', () => expect(stateOf()).toEqual(['unknown', 'Never ran']))

  test('failed', () => expect(stateOf(sweep({ outcome: 'failed' }))).toEqual(['failed', 'Failed']))

  test('was stopped with its process', () =>
    expect(stateOf(sweep({ outcome: 'stopped' }))).toEqual(['unknown', 'Stopped']))

  test('is overdue after half an hour beyond its hour', () => {
    expect(stateOf(sweep({ lastStartedAt: ago(89), lastEndedAt: ago(88) }))).toEqual(['healthy', 'Done'])
    expect(stateOf(sweep({ lastStartedAt: ago(91), lastEndedAt: ago(88) }))).toEqual(['degraded', 'Overdue'])
  })

  test('began and did not come to its end', () =>
    expect(stateOf(sweep({ lastStartedAt: ago(91), lastEndedAt: null, outcome: null }))).toEqual([
      'degraded',
      'Not finished',
    ]))
})
