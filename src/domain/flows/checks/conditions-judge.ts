import type { Condition } from '../conditions/condition.ts'
import { judgeCondition, type Measured } from '../conditions/judge-condition.ts'
import { type CheckResult, couldNotTell, fail, pass, warn } from './check-result.ts'

/** All conditions must hold; the degraded ones only warn. A failure is told before what could not be told. */
export function judgeConditions(
  conditions: readonly Condition[],
  degraded: readonly Condition[],
  measured: Measured,
): CheckResult {
  const verdicts = conditions.map((condition) => judgeCondition(condition, measured))
  const warnings = degraded.map((condition) => judgeCondition(condition, measured))
  const failed = verdicts.filter((verdict) => verdict.outcome === 'fail')
  if (failed.length > 0) {
    const observed = failed.map((verdict) => verdict.display).join('; ')
    return fail('condition', `Not so: ${observed}.`, { observed })
  }
  const unknown = [...verdicts, ...warnings].find((verdict) => verdict.outcome === 'unknown')
  if (unknown !== undefined) {
    const why =
      unknown.reason !== 'bad_value'
        ? 'A value is not there'
        : unknown.display.includes('[BODY]') && isNoJson(measured.BODY)
          ? 'The answer is not JSON'
          : 'A value is no number'
    return couldNotTell(unknown.reason ?? 'no_data', `${why}: ${unknown.display}.`, {
      observed: unknown.display,
    })
  }
  const passed = warnings.filter((verdict) => verdict.outcome === 'fail')
  if (passed.length > 0) {
    const observed = passed.map((verdict) => verdict.display).join('; ')
    return warn('condition', `Not so: ${observed}.`, { observed })
  }
  return pass(conditions.length === 1 ? 'The condition holds.' : `All ${conditions.length} conditions hold.`)
}

/** Such as the page of a proxy, where the data of a program were expected. */
function isNoJson(body: unknown): boolean {
  if (typeof body !== 'string') return false
  try {
    JSON.parse(body.replace(/^\ufeff/, ''))
    return false
  } catch {
    return true
  }
}
