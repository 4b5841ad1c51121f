import { record } from '../configuration/record-shape.ts'
import { optional, type Shape } from '../configuration/shape.ts'
import { longerThanNothing, nagiosRange } from '../configuration/value-shapes.ts'
import { durationInWords } from '../time/duration.ts'
import { type CheckResult, fail, pass, warn } from './check-result.ts'
import { type NagiosRange, rangeAlerts, rangeAlertsFrom, rangeInWords } from './nagios-range.ts'
import { quantityInWords, type Unit } from './quantity.ts'

/** Two limits of one kind: passing `warn` is DEGRADED, passing `fail` is FAILED. */
export const limitsOf = <T>(shape: Shape<T>, words: string) =>
  record(
    {
      warn: optional(shape, 'What is beyond it makes the process DEGRADED.'),
      fail: optional(shape, 'What is beyond it makes it FAILED.'),
    },
    words,
  )
export const rangeLimits = limitsOf(nagiosRange, '`warn` and `fail`, Nagios ranges')
export const durationLimits = limitsOf(longerThanNothing, '`warn` and `fail`, durations')

export interface Limits<T> {
  readonly warn: T | undefined
  readonly fail: T | undefined
}

/** @param what the measured thing with its value, such as “12 files wait” */
export function judgeRange(
  limits: Limits<NagiosRange>,
  value: number,
  what: string,
  unit: Unit | undefined,
): CheckResult {
  const inWords = (each: number) => quantityInWords(each, unit)
  const more = { value, observed: inWords(value) }
  for (const [level, range] of [
    ['fail', limits.fail],
    ['warn', limits.warn],
  ] as const) {
    if (range === undefined || !rangeAlerts(range, value)) continue
    const expected = rangeInWords(range, value, inWords)
    const told = { ...more, expected }
    const message = `${what}; ${expected} expected.`
    return level === 'fail' ? fail('limit', message, told) : warn('limit', message, told)
  }
  return pass(`${what}.`, more)
}

/**
 * Judges a number of things of which there may be more than were seen.
 * @param unseen undefined: all were seen; else what to say where more of them could change the judgement
 */
export function judgeCount(
  limits: Limits<NagiosRange>,
  count: number,
  what: string,
  unseen: CheckResult | undefined,
): CheckResult {
  const judged = judgeRange(limits, count, what, 'count')
  if (unseen === undefined) return judged
  const isSure = (range: NagiosRange | undefined) => range !== undefined && rangeAlertsFrom(range, count)
  if (isSure(limits.fail)) return judged
  return limits.fail === undefined && isSure(limits.warn) ? judged : unseen
}

/** Judges an age that has to stay below its limits, and says how long until it fails. */
export function judgeAge(limits: Limits<number>, age: number, what: string): CheckResult {
  const more = {
    value: age,
    observed: quantityInWords(age, 'ms'),
    ...(limits.fail === undefined ? {} : { failsIn: Math.max(0, limits.fail - age) }),
  }
  const over = (limit: number) => ({ ...more, expected: `at most ${durationInWords(limit)}` })
  if (limits.fail !== undefined && age > limits.fail) {
    return fail(
      'limit',
      `${what} is ${durationInWords(age)} old; at most ${durationInWords(limits.fail)} is allowed.`,
      over(limits.fail),
    )
  }
  if (limits.warn !== undefined && age > limits.warn) {
    return warn(
      'limit',
      `${what} is ${durationInWords(age)} old; the warning begins at ${durationInWords(limits.warn)}.`,
      over(limits.warn),
    )
  }
  return pass(`${what} is ${durationInWords(age)} old.`, more)
}

/** Judges what has to stay above its limits, such as free space or remaining validity. */
export function judgeAtLeast(
  limits: Limits<number>,
  value: number,
  what: string,
  inWords: (value: number) => string,
): CheckResult {
  const more = { value, observed: inWords(value) }
  for (const [level, limit] of [
    ['fail', limits.fail],
    ['warn', limits.warn],
  ] as const) {
    if (limit === undefined || value >= limit) continue
    const told = { ...more, expected: `at least ${inWords(limit)}` }
    const message = `${what}: ${inWords(value)}; at least ${inWords(limit)} expected.`
    return level === 'fail' ? fail('limit', message, told) : warn('limit', message, told)
  }
  return pass(`${what}: ${inWords(value)}.`, more)
}

/** The worst of several results of one check, with the sentences of all that did not pass. */
export function worstOf(results: readonly CheckResult[]): CheckResult {
  const order = ['fail', 'unknown', 'warn', 'pass'] as const
  const worst = results.toSorted((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome))[0]
  if (worst === undefined) return pass('Nothing to judge.')
  const message = results.filter((each) => each.outcome === worst.outcome).map((each) => each.message)
  return { ...worst, message: [...new Set(message)].join(' ') }
}
