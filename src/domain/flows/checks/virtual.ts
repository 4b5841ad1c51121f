import { list } from '../configuration/container-shapes.ts'
import { required } from '../configuration/shape.ts'
import { integer, referenceTo } from '../configuration/value-shapes.ts'
import type { State } from '../state/state.ts'
import { type CheckResult, couldNotTell, fail, pass, warn } from './check-result.ts'
import { defineCheckType } from './check-type.ts'

/** The members that are enabled. */
export interface MembersMeasurement {
  readonly members: readonly { readonly id: string; readonly state: State }[]
}

const of = required(list(referenceTo('health check'), { atLeast: 1 }), 'The checks it is made of.')
const virtual = { unit: 'count', explains: 'self', onTimeout: 'unknown', pool: 'memory' } as const

export const all = defineCheckType({
  ...virtual,
  measures: 'whether all of some checks pass',
  keys: { of },
  judge: (_parameters, measured: MembersMeasurement) => judgeMembers(measured, measured.members.length),
})

export const any = defineCheckType({
  ...virtual,
  measures: 'whether any of some checks passes',
  keys: { of },
  judge: (_parameters, measured: MembersMeasurement) => judgeMembers(measured, 1),
})

export const atLeast = defineCheckType({
  ...virtual,
  measures: 'whether at least so many of some checks pass',
  keys: { of, count: required(integer(1), 'How many have to pass.') },
  wrong: ({ of: ids, count }) =>
    count > ids.length ? `count is ${count}, but of has only ${ids.length}.` : undefined,
  judge: ({ count }, measured: MembersMeasurement) => judgeMembers(measured, count),
})

/** Good members decide; what is not known could still tip it, so it is unknown rather than failed. */
function judgeMembers({ members }: MembersMeasurement, needed: number): CheckResult {
  if (members.length < Math.max(1, needed)) {
    return couldNotTell(
      'member',
      `${members.length} of its checks are enabled; ${Math.max(1, needed)} needed.`,
    )
  }
  const count = (state: State) => members.filter((member) => member.state === state).length
  const good = count('HEALTHY')
  const usable = good + count('DEGRADED')
  const evidence = members
    .filter((member) => member.state !== 'HEALTHY')
    .map((member) => ({ label: member.id, value: member.state }))
  const more = { value: usable, observed: String(usable), expected: `at least ${needed}`, evidence }
  const message = `${usable} of ${members.length} pass; ${needed} needed.`
  if (good >= needed) return good === members.length ? pass(message, more) : warn('member', message, more)
  if (usable >= needed) return warn('member', message, more)
  return usable + count('UNKNOWN') >= needed
    ? couldNotTell('member', message, more)
    : fail('member', message, more)
}
