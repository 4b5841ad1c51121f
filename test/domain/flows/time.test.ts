import { describe, expect, test } from 'vitest'
import { nextTime, parseCron, parseOnCalendar, previousTime } from '../../../src/domain/flows/time/cron.ts'
import { fillDates } from '../../../src/domain/flows/time/dates-in-text.ts'
import { durationInWords, parseDuration } from '../../../src/domain/flows/time/duration.ts'

const at = (text: string) => Date.parse(text)
const shown = (moment: number | undefined) =>
  moment === undefined ? undefined : new Date(moment).toISOString()
function cron(text: string, parse = parseCron) {
  const parsed = parse(text)
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

test('durations', () => {
  expect(['500ms', '10s', '1h30m', '7d', '2w', '0'].map(parseDuration)).toEqual([
    500, 10_000, 5_400_000, 604_800_000, 1_209_600_000, 0,
  ])
  expect(['', '5', '-5s', '5 s', '5x', 's'].map(parseDuration)).toEqual(Array(6).fill(undefined))
  expect([5_000, 240_000, 4_800_000, 3_600_000, 259_200_000].map(durationInWords)).toEqual([
    '5 s',
    '4 min',
    '1 h 20 min',
    '1 h',
    '3 d',
  ])
})

describe('cron', () => {
  test('the last and the next time around a moment', () => {
    const now = at('2026-11-21T12:07:00Z')
    expect(shown(previousTime(cron('*/15 5-22 * * *'), now, 'UTC'))).toBe('2026-11-21T12:00:00.000Z')
    expect(shown(nextTime(cron('*/15 5-22 * * *'), now, 'UTC'))).toBe('2026-11-21T12:15:00.000Z')
    expect(shown(nextTime(cron('0 0 * * mon'), now, 'UTC'))).toBe('2026-11-23T00:00:00.000Z')
    expect(shown(nextTime(cron('0 0 29 2 *'), now, 'UTC'))).toBe('2028-02-29T00:00:00.000Z')
    expect(shown(previousTime(cron('@daily'), at('2026-11-21T00:00:00Z'), 'UTC'))).toBe(
      '2026-11-21T00:00:00.000Z',
    )
  })
  test('either day is enough when both are restricted', () => {
    expect(shown(nextTime(cron('0 0 1 * 0'), at('2026-11-21T12:00:00Z'), 'UTC'))).toBe(
      '2026-11-22T00:00:00.000Z',
    )
    expect(shown(nextTime(cron('0 0 1 * 0'), at('2026-11-30T12:00:00Z'), 'UTC'))).toBe(
      '2026-12-01T00:00:00.000Z',
    )
  })
  test('goes by the wall clock of its time zone, summer time included', () => {
    const london = cron('30 2 * * *')
    expect(shown(nextTime(london, at('2026-07-01T00:00:00Z'), 'Europe/London'))).toBe(
      '2026-07-01T01:30:00.000Z',
    )
    expect(shown(nextTime(london, at('2026-11-21T00:00:00Z'), 'Europe/London'))).toBe(
      '2026-11-21T02:30:00.000Z',
    )
    // 01:30 does not exist on the day the clocks go forward, and comes twice when they go back.
    const skipped = cron('30 1 * * *')
    expect(shown(nextTime(skipped, at('2026-03-29T00:00:00Z'), 'Europe/London'))).toBe(
      '2026-03-29T01:30:00.000Z',
    )
    expect(shown(nextTime(skipped, at('2026-10-25T00:00:00Z'), 'Europe/London'))).toBe(
      '2026-10-25T00:30:00.000Z',
    )
  })
  test('calendar expressions of systemd, the daily part', () => {
    expect(shown(nextTime(cron('02:30', parseOnCalendar), at('2026-11-21T03:00:00Z'), 'UTC'))).toBe(
      '2026-11-22T02:30:00.000Z',
    )
    expect(shown(nextTime(cron('Mon..Fri 02:30', parseOnCalendar), at('2026-11-21T03:00:00Z'), 'UTC'))).toBe(
      '2026-11-23T02:30:00.000Z',
    )
    expect(parseOnCalendar('2026-*-* 02:30')).toContain('Write a time of day')
  })
  test.each([
    '* * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '5-1 * * * *',
    '*/0 * * * *',
    '1- * * * *',
    'x * * * *',
    '0 0 31 2 *',
  ])('%s is refused with a sentence', (text) => expect(typeof parseCron(text)).toBe('string'))
})

test('dates in paths are those of the time zone', () => {
  const late = at('2026-11-21T23:30:00Z')
  expect(fillDates('store/{{today}}/{{ yesterday }}', late, 'UTC')).toBe('store/2026-11-21/2026-11-20')
  expect(fillDates('{{today}}', late, 'Asia/Tokyo')).toBe('2026-11-22')
})
