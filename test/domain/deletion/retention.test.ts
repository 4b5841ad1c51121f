import { describe, expect, test } from 'vitest'
import {
  dueAt,
  isNear,
  type Kept,
  type RetentionRule,
  type RetentionSettings,
  readRule,
  readSettings,
} from '../../../src/domain/deletion/retention.ts'

const on = (day: string) => new Date(`2026-${day}T12:00:00Z`)
const forever: RetentionSettings = { rule: { kind: 'forever' }, changedAt: on('01-01') }
const kept = (more: Partial<Kept> = {}): Kept => ({
  uploadedAt: on('03-01'),
  lastRunAt: null,
  own: undefined,
  defaultSince: null,
  isHeld: false,
  releasedAt: null,
  ...more,
})
const own = (rule: RetentionRule, setAt = on('03-01')): Partial<Kept> => ({ own: { rule, setAt } })

describe('when a dataset is due', () => {
  test('never, unless something says so', () => {
    expect(dueAt(kept(), forever)).toBeUndefined()
  })

  test.each([
    ['days after the upload', kept(own({ kind: 'after-upload', days: 10 })), '03-11'],
    [
      'days after the last run',
      kept({ ...own({ kind: 'after-last-run', days: 10 }), lastRunAt: on('03-05') }),
      '03-15',
    ],
    ['days after the upload where no run was', kept(own({ kind: 'after-last-run', days: 10 })), '03-11'],
    ['a day', kept(own({ kind: 'until', until: on('06-01') })), '06-01'],
  ])('by its own rule: %s', (_, dataset, day) => {
    expect(dueAt(dataset, forever)).toEqual({ at: on(day), because: 'own' })
  })

  test('by the default where it has no rule of its own', () => {
    const settings: RetentionSettings = { ...forever, rule: { kind: 'after-upload', days: 30 } }
    expect(dueAt(kept(), settings)).toEqual({ at: on('03-31'), because: 'default' })
    expect(dueAt(kept(own({ kind: 'forever' })), settings)).toBeUndefined()
  })

  test('by the maximum, whatever its rule', () => {
    const settings: RetentionSettings = { ...forever, maximumDays: 30 }
    expect(dueAt(kept(own({ kind: 'forever' })), settings)).toEqual({ at: on('03-31'), because: 'maximum' })
    expect(dueAt(kept(own({ kind: 'after-upload', days: 5 })), settings)).toEqual({
      at: on('03-06'),
      because: 'own',
    })
  })

  test('not before people were warned for two weeks, where a rule came late', () => {
    expect(dueAt(kept(own({ kind: 'after-upload', days: 1 }, on('05-01'))), forever)?.at).toEqual(on('05-15'))
    expect(dueAt(kept(), { ...forever, maximumDays: 30, changedAt: on('05-01') })?.at).toEqual(on('05-15'))
    expect(dueAt(kept(own({ kind: 'after-upload', days: 90 }, on('05-01'))), forever)?.at).toEqual(
      on('05-30'),
    )
  })

  test('not before that either where its own rule was taken away, or a hold was lifted', () => {
    const settings: RetentionSettings = { ...forever, rule: { kind: 'after-upload', days: 30 } }
    expect(dueAt(kept({ defaultSince: on('05-01') }), settings)?.at).toEqual(on('05-15'))
    expect(dueAt(kept({ defaultSince: on('03-02') }), settings)?.at).toEqual(on('03-31'))
    const releasedAt = on('06-20')
    expect(dueAt(kept({ releasedAt }), settings)?.at).toEqual(on('07-04'))
    expect(dueAt(kept({ releasedAt }), { ...forever, maximumDays: 60 })).toEqual({
      at: on('07-04'),
      because: 'maximum',
    })
    const until = own({ kind: 'until', until: on('06-01') })
    expect(dueAt(kept({ ...until, releasedAt }), forever)?.at).toEqual(on('07-04'))
    expect(dueAt(kept({ ...until, releasedAt: on('05-01') }), forever)?.at).toEqual(on('06-01'))
    expect(dueAt(kept({ releasedAt }), forever)).toBeUndefined()
  })

  test('not while it is held', () => {
    expect(dueAt(kept({ ...own({ kind: 'after-upload', days: 1 }), isHeld: true }), forever)).toBeUndefined()
  })
})

test('it is near two weeks before', () => {
  const due = { at: on('03-31'), because: 'own' } as const
  expect(isNear(due, on('03-16'))).toBe(false)
  expect(isNear(due, on('03-17'))).toBe(true)
  expect(isNear(undefined, on('03-17'))).toBe(false)
})

describe('a rule as a form says it', () => {
  const read = (kind: string, days = '', until = '') => readRule({ kind, days, until }, on('03-01'))

  test('is read', () => {
    expect(read('forever')).toEqual({ ok: true, value: { kind: 'forever' } })
    expect(read('after-last-run', '30')).toEqual({ ok: true, value: { kind: 'after-last-run', days: 30 } })
    expect(read('until', '', '2026-04-01')).toEqual({
      ok: true,
      value: { kind: 'until', until: new Date('2026-04-01T00:00:00Z') },
    })
  })

  test.each([
    ['days that are none', read('after-upload', 'many'), 'days'],
    ['no day at all', read('after-upload', '0'), 'days'],
    ['part of a day', read('after-upload', '1.5'), 'days'],
    ['a number only programs write', read('after-upload', '0x10'), 'days'],
    ['another such number', read('after-upload', '1e2'), 'days'],
    ['nothing', read('after-upload', ''), 'days'],
    ['a day that is none', read('until', '', '2026-02-31'), 'until'],
    ['a day that is none yet', read('until', '', '2027-02-29'), 'until'],
    ['a day too near', read('until', '', '2026-03-10'), 'until'],
    ['no choice', read('whenever'), 'kind'],
  ])('is refused: %s', (_, result, field) => {
    expect(result).toMatchObject({ ok: false, problem: { kind: 'invalid', field } })
  })

  test('of all datasets: with a maximum or without', () => {
    expect(readSettings({ kind: 'forever', days: '', maximumDays: '' })).toEqual({
      ok: true,
      value: { rule: { kind: 'forever' } },
    })
    expect(readSettings({ kind: 'after-upload', days: '9', maximumDays: '365' })).toEqual({
      ok: true,
      value: { rule: { kind: 'after-upload', days: 9 }, maximumDays: 365 },
    })
    expect(readSettings({ kind: 'forever', days: '', maximumDays: 'x' })).toMatchObject({
      problem: { field: 'maximumDays' },
    })
  })
})
