import type { CheckResult } from '../../domain/flows/checks/check-result.ts'
import type { CheckRunners } from '../../domain/flows/checks/check-runner.ts'
import type { JudgeContext } from '../../domain/flows/checks/check-type.ts'
import { checkTypes } from '../../domain/flows/checks/registry.ts'
import type { MembersMeasurement } from '../../domain/flows/checks/virtual.ts'
import type { Check, Flow } from '../../domain/flows/flow.ts'
import { remember } from '../../domain/flows/state/check-state.ts'
import type { State } from '../../domain/flows/state/state.ts'
import { isMeasured, type MeasuredCheck, runCheck } from './run-check.ts'

export interface OnceResult {
  readonly id: string
  readonly result: CheckResult
  /** What it counts as: a timeout as FAILED, where the check says so. */
  readonly state: State
  readonly durationMs: number
}

const stateOfOutcome: Readonly<Record<CheckResult['outcome'], State>> = {
  pass: 'HEALTHY',
  warn: 'DEGRADED',
  fail: 'FAILED',
  unknown: 'UNKNOWN',
}

/** Runs checks of a flow once, one after the other; of a virtual one its members as well. In the order of the file. */
export async function runFlowOnce(
  runners: CheckRunners,
  flow: Flow,
  ids: readonly string[],
  now: number,
): Promise<OnceResult[]> {
  const done = new Map<string, OnceResult>()
  const byId = new Map(flow.checks.map((check) => [check.id, check]))
  const context = { now, timezone: flow.timezone }

  async function once(check: Check, above: readonly string[]): Promise<OnceResult> {
    const known = done.get(check.id)
    if (known !== undefined) return known
    const began = performance.now()
    const result = isMeasured(check)
      ? await runCheck(runners, check, context)
      : judgeVirtual(check, await membersOf(check.parameters.of, [...above, check.id]), context)
    const state = isMeasured(check)
      ? remember(undefined, check, result, now).row.state
      : stateOfOutcome[result.outcome]
    const told = { id: check.id, result, state, durationMs: Math.round(performance.now() - began) }
    done.set(check.id, told)
    return told
  }

  async function membersOf(of: readonly string[], above: readonly string[]): Promise<MembersMeasurement> {
    const members: { id: string; state: State }[] = []
    for (const id of of) {
      const member = byId.get(id)
      // One that is made of itself can never be told.
      const isKnown = member !== undefined && !above.includes(id)
      members.push({ id, state: isKnown ? (await once(member, above)).state : 'UNKNOWN' })
    }
    return { members }
  }

  for (const check of flow.checks) if (ids.includes(check.id)) await once(check, [])
  return flow.checks.flatMap((check) => done.get(check.id) ?? [])
}

function judgeVirtual(
  check: Exclude<Check, MeasuredCheck>,
  members: MembersMeasurement,
  context: JudgeContext,
): CheckResult {
  if (check.type === 'all') return checkTypes.all.judge(check.parameters, members, context)
  if (check.type === 'any') return checkTypes.any.judge(check.parameters, members, context)
  return checkTypes.at_least.judge(check.parameters, members, context)
}
