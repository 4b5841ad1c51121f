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
    const why = unknown.reason === 'bad_value' ? 'is no number' : 'is not there'
    return couldNotTell(unknown.reason ?? 'no_data', `A value ${why}: ${unknown.display}.`, {
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
