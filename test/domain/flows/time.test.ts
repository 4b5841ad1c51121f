import { describe, expect, test } from 'vitest'
import { volumeBuckets } from '../../../src/domain/flows/checks/volume-buckets.ts'
import { nextTime, parseCron, parseOnCalendar, previousTime } from '../../../src/domain/flows/time/cron.ts'
import { fillDates } from '../../../src/domain/flows/time/dates-in-text.ts'
import { durationInWords, parseDuration } from '../../../src/domain/flows/time/duration.ts'
import {
  momentOfWallClock,
  parseNamePattern,
  wallClockReader,
} from '../../../src/domain/flows/time/moment-in-name.ts'

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
  test.each([
    [
      '*/30 * * * *',
      'Europe/London',
      ['2026-10-25T00:30', '2026-10-25T01:00', '2026-10-25T01:30', '2026-10-25T02:00'],
    ],
    ['5 * * * *', 'America/New_York', ['2026-11-01T05:05', '2026-11-01T06:05', '2026-11-01T07:05']],
    [
      '*/15 * * * *',
      'Australia/Lord_Howe',
      ['2026-04-04T14:45', '2026-04-04T15:00', '2026-04-04T15:15', '2026-04-04T15:30'],
    ],
  ])('%s in %s goes on through the hour that comes twice', (text, zone, moments) => {
    const times = moments.map((moment) => at(`${moment}:00Z`))
    for (const [index, time] of times.slice(1).entries()) {
      expect(shown(nextTime(cron(text), times[index] ?? 0, zone))).toBe(shown(time))
      expect(shown(previousTime(cron(text), time - 1, zone))).toBe(shown(times[index] ?? 0))
    }
  })
  test('says what is wrong with a list or a range whose values are right', () => {
    expect(parseCron('22-2 * * * *')).toBe(
      'The minute field, “22-2”, names a value twice, or a range that goes down.',
    )
    expect(parseCron('0,0 * * * *')).toContain('names a value twice')
    expect(parseCron('0,60 * * * *')).toContain('is not between 0 and 59')
  })
  test.each([
    ['30 1 * * *', 'Europe/London', '2026-03-29T01:30:00.000Z'],
    ['0 0 * * *', 'Atlantic/Azores', '2026-03-29T01:00:00.000Z'],
    ['30 0 * * *', 'America/Havana', '2026-03-08T05:30:00.000Z'],
    ['30 1 * * *', 'America/New_York', '2026-11-01T05:30:00.000Z'],
    ['0 2 * * *', 'Australia/Lord_Howe', '2026-10-03T15:30:00.000Z'],
  ])('%s in %s is the same moment looked at from before and from after', (text, zone, moment) => {
    expect(shown(nextTime(cron(text), at(moment) - 1, zone))).toBe(moment)
    expect(shown(previousTime(cron(text), at(moment) + 600_000, zone))).toBe(moment)
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
    '0 0 * * 1#2',
    '0 0 L * *',
    'H * * * *',
    '? * * * *',
    '0 * * * * *',
    '@secondly',
    '0 0 * mon *',
  ])('%s is refused with a sentence', (text) => expect(typeof parseCron(text)).toBe('string'))
})

describe('the buckets of a volume', () => {
  const hour = 3_600_000
  const spans = ({ last, compared }: ReturnType<typeof volumeBuckets>) =>
    [last, ...compared].map((bucket) => [shown(bucket.from), shown(bucket.to)].join('/'))
  test('the last whole one, and those before it', () => {
    const usual = { history: 2 * hour, seasonality: 'none' } as const
    expect(spans(volumeBuckets(at('2026-11-21T12:07:00Z'), 'UTC', hour, usual))).toEqual([
      '2026-11-21T11:00:00.000Z/2026-11-21T12:00:00.000Z',
      '2026-11-21T10:00:00.000Z/2026-11-21T11:00:00.000Z',
      '2026-11-21T09:00:00.000Z/2026-11-21T10:00:00.000Z',
    ])
  })
  test('those of the same hour, or of the same hour and weekday', () => {
    const now = at('2026-11-21T12:07:00Z')
    const compared = (seasonality: 'hour_of_day' | 'hour_of_week') =>
      volumeBuckets(now, 'UTC', hour, { history: 28 * 24 * hour, seasonality }).compared
    expect(compared('hour_of_day')).toHaveLength(28)
    expect(compared('hour_of_week').map(({ from }) => shown(from))).toEqual([
      '2026-11-14T11:00:00.000Z',
      '2026-11-07T11:00:00.000Z',
      '2026-10-31T11:00:00.000Z',
      '2026-10-24T11:00:00.000Z',
    ])
  })
  test('a day begins at the midnight of its time zone', () => {
    expect(spans(volumeBuckets(at('2026-07-01T12:00:00Z'), 'Europe/London', 24 * hour, undefined))).toEqual([
      '2026-06-29T23:00:00.000Z/2026-06-30T23:00:00.000Z',
    ])
  })
})

test('dates in paths are those of the time zone', () => {
  const late = at('2026-11-21T23:30:00Z')
  expect(fillDates('store/{{today}}/{{ yesterday }}', late, 'UTC')).toBe('store/2026-11-21/2026-11-20')
  expect(fillDates('{{today}}', late, 'Asia/Tokyo')).toBe('2026-11-22')
})

describe('the moment in a name', () => {
  const momentIn = (name: string, timezone: string, text = '{{YYYY}}{{MM}}{{DD}}T{{hh}}{{mm}}{{ss}}') => {
    const pattern = parseNamePattern(text)
    if (typeof pattern === 'string') throw new Error(pattern)
    const wallClock = wallClockReader(pattern)(name)
    return wallClock === undefined ? undefined : shown(momentOfWallClock(wallClock, timezone))
  }
  test.each([
    ['20260701T130059.zip', 'Europe/London', '2026-07-01T12:00:59.000Z'],
    ['20260701T130059.zip', 'America/New_York', '2026-07-01T17:00:59.000Z'],
    // The hour that summer time skips, and the one that comes twice.
    ['20260329T013000.zip', 'Europe/London', '2026-03-29T01:30:00.000Z'],
    ['20261025T013000.zip', 'Europe/London', '2026-10-25T00:30:00.000Z'],
    ['20280229T000000.zip', 'UTC', '2028-02-29T00:00:00.000Z'],
    ['20270229T000000.zip', 'UTC', undefined],
    ['19691231T235959.zip', 'UTC', undefined],
    ['99999999T999999-20261121T120000.zip', 'UTC', '2026-11-21T12:00:00.000Z'],
  ])('%s in %s is %s', (name, timezone, expected) => {
    expect(momentIn(name, timezone)).toBe(expected)
  })
  test('what stands between the parts stands for itself', () => {
    const text = 'a.b+{{ YYYY }}(|{{MM}}[x]{{DD}}$'
    expect(momentIn('zza.b+2026(|11[x]21$9', 'UTC', text)).toBe('2026-11-21T00:00:00.000Z')
    expect(momentIn('aXb+2026(|11[x]21$', 'UTC', text)).toBeUndefined()
  })
})
