import type { Check, Flow, Process } from '../flow.ts'
import { type CheckMemory, type CheckView, viewCheck } from './check-state.ts'
import { headline } from './headline.ts'
import { type CheckAndView, contributionOf, processRecovery, processState } from './process-state.ts'
import { assignRoles, type ProcessFacts, type RoleOf } from './roles.ts'
import { sinceOf } from './standing.ts'
import { type State, severityOf, worstState } from './state.ts'
import { isVirtual, viewOfMembers } from './virtual-check.ts'

export interface ProcessAssessment extends RoleOf {
  readonly id: string
  readonly name: string
  readonly state: State
  /** The state if what is confirming were confirmed. */
  readonly suspected: State
  readonly since: number | undefined
  /** A failure that is still confirming, the nearest to it. */
  readonly confirming: { readonly count: number; readonly of: number } | undefined
  readonly flapping: boolean
  /** The checks that make the state, the worst first; all of its checks when it is HEALTHY, what is confirming first. */
  readonly because: readonly { readonly check: string; readonly view: CheckView }[]
  /** Results in a row: what alerts count. */
  readonly failures: number
  readonly passes: number
}

export interface FlowAssessment {
  readonly state: State
  /** One sentence for the room. */
  readonly sentence: string
  /** Ids of the roots that are FAILED or UNKNOWN, the worst and oldest first. */
  readonly roots: readonly string[]
  readonly counts: Readonly<Record<State, number>>
  /** Redundant feeds of a process of which at least one is down. */
  readonly groups: readonly { readonly to: string; readonly group: string; readonly state: State }[]
  readonly processes: readonly ProcessAssessment[]
  /** What is shown of every check, by its id, in the order of the configuration. */
  readonly checks: ReadonlyMap<string, CheckView>
}

/** Everything that is shown of a flow, from what is remembered of its checks, at a moment. */
export function assessFlow(
  flow: Flow,
  memories: ReadonlyMap<string, CheckMemory>,
  now: number,
): FlowAssessment {
  const views = viewChecks(flow, memories, now)
  const checksOf = Map.groupBy(flow.checks, (check) => check.process)
  const inputs = flow.processes.map((process) => {
    const checks = (checksOf.get(process.id) ?? []).flatMap((check): CheckAndView[] => {
      const view = views.get(check.id)
      return view === undefined ? [] : [{ check, view }]
    })
    return { process, checks, facts: factsOf(process, checks, now) }
  })
  const roles = assignRoles(
    inputs.map((each) => each.facts),
    flow.connections,
    now,
  )
  const processes = inputs.map(({ process, checks, facts }) => assessProcess(process, checks, facts, roles))
  const inOrder = flow.checks.flatMap(({ id }): [string, CheckView][] => {
    const view = views.get(id)
    return view === undefined ? [] : [[id, view]]
  })
  return summarize(flow, processes, new Map(inOrder), now)
}

/** The picture of a flow from processes that are assessed already. */
export function summarize(
  flow: Pick<Flow, 'connections' | 'board'>,
  processes: readonly ProcessAssessment[],
  checks: ReadonlyMap<string, CheckView>,
  now: number,
): FlowAssessment {
  const count = (state: State) => processes.filter((process) => process.state === state).length
  const roots = processes
    .filter(({ role, state }) => role === 'root' && (state === 'FAILED' || state === 'UNKNOWN'))
    .toSorted((a, b) => severityOf(b.state) - severityOf(a.state) || (a.since ?? now) - (b.since ?? now))
    .map((process) => process.id)
  return {
    state: worstState(processes.map((process) => process.state)) ?? 'UNKNOWN',
    sentence: headline(processes, now, {
      connections: flow.connections,
      atRiskBelow: flow.board.at_risk_below,
    }),
    roots,
    counts: {
      HEALTHY: count('HEALTHY'),
      DEGRADED: count('DEGRADED'),
      UNKNOWN: count('UNKNOWN'),
      FAILED: count('FAILED'),
    },
    groups: groupsOf(flow, processes),
    processes,
    checks,
  }
}

function viewChecks(
  flow: Flow,
  memories: ReadonlyMap<string, CheckMemory>,
  now: number,
): ReadonlyMap<string, CheckView> {
  const byId = new Map(flow.checks.map((check) => [check.id, check]))
  const views = new Map<string, CheckView>()
  const view = (check: Check): CheckView => {
    const known = views.get(check.id)
    if (known !== undefined) return known
    const found = isVirtual(check)
      ? viewOfMembers(
          check,
          check.parameters.of.flatMap((id) => {
            const member = byId.get(id)
            return member?.enabled === true ? [{ id, view: view(member) }] : []
          }),
        )
      : viewCheck(check, memories.get(check.id), now)
    views.set(check.id, found)
    return found
  }
  for (const check of flow.checks) view(check)
  return views
}

function factsOf(process: Process, checks: readonly CheckAndView[], now: number): ProcessFacts {
  const state = processState(process, checks)
  const suspected = processState(process, checks, true)
  const bad = checks.filter((each) => {
    const contribution = contributionOf(each, true)
    return (
      contribution !== undefined &&
      contribution !== 'HEALTHY' &&
      severityOf(contribution) >= severityOf(suspected)
    )
  })
  const fromAbove = checks.filter(
    ({ check }) => check.explains === 'upstream' && check.enabled && check.severity !== 'info',
  )
  const left = fromAbove.flatMap(({ view: { memory } }) =>
    memory?.result.failsIn === undefined ? [] : [Math.max(0, memory.result.failsIn - (now - memory.at))],
  )
  const recoveredAt =
    state === 'HEALTHY' || state === 'DEGRADED' ? processRecovery(process, checks) : undefined
  return {
    id: process.id,
    state,
    suspected,
    ownFault: bad.some(({ check }) => check.explains === 'self'),
    starved: bad.some(({ check }) => check.explains === 'upstream'),
    fed: fromAbove.some((each) => contributionOf(each, true) === 'HEALTHY'),
    evaluated: checks.some(({ check, view }) => check.enabled && view.memory !== undefined),
    ...(recoveredAt === undefined ? {} : { recoveredAt }),
    ...(left.length === 0 ? {} : { starvesIn: Math.min(...left) }),
  }
}

function assessProcess(
  process: Process,
  checks: readonly CheckAndView[],
  facts: ProcessFacts,
  roles: ReadonlyMap<string, RoleOf>,
): ProcessAssessment {
  const enabled = checks.filter(({ check }) => check.enabled)
  const severity = (each: CheckAndView) => severityOf(contributionOf(each) ?? 'HEALTHY')
  const bad = enabled.filter((each) => severity(each) > 0).toSorted((a, b) => severity(b) - severity(a))
  const counted = enabled.filter(({ check }) => check.severity !== 'info')
  const suspects = counted
    .filter(({ view }) => view.confirming !== undefined)
    .toSorted((a, b) => toGo(a.view) - toGo(b.view))
  const since = sinceOf(
    counted.map(({ view }) => view),
    (states) =>
      processState(
        process,
        counted.map(({ check, view }, at) => ({
          check,
          view: { state: states[at] ?? view.state, confirming: undefined },
        })),
      ),
  )
  const rows = enabled.flatMap(({ view }) => view.memory?.row ?? [])
  const failing = rows.filter((row) => row.state !== 'HEALTHY').map((row) => row.count)
  return {
    id: process.id,
    name: process.name,
    state: facts.state,
    suspected: facts.suspected,
    since,
    confirming: suspects[0]?.view.confirming,
    flapping: enabled.some(({ view }) => view.flapping),
    because: (bad.length > 0 ? bad : [...new Set([...suspects, ...enabled])]).map(({ check, view }) => ({
      check: check.id,
      view,
    })),
    failures: Math.max(0, ...failing),
    passes: failing.length > 0 || rows.length === 0 ? 0 : Math.min(...rows.map((row) => row.count)),
    ...(roles.get(process.id) ?? { role: 'none', draining: false, probable: false, causedBy: [] }),
  }
}

/** How many failures until it is confirmed. */
const toGo = ({ confirming }: CheckView) => (confirming === undefined ? 0 : confirming.of - confirming.count)

function groupsOf(
  { connections }: Pick<Flow, 'connections'>,
  processes: readonly ProcessAssessment[],
): FlowAssessment['groups'] {
  const states = new Map(processes.map((process) => [process.id, process.state]))
  const grouped = connections.flatMap((connection) =>
    connection.redundancyGroup === undefined
      ? []
      : [
          {
            to: connection.to,
            group: connection.redundancyGroup,
            state: states.get(connection.from) ?? 'UNKNOWN',
          },
        ],
  )
  return [...Map.groupBy(grouped, ({ to, group }) => `${to} ${group}`).values()].flatMap((members) => {
    const [first] = members
    const down = members.filter(({ state }) => state === 'FAILED' || state === 'UNKNOWN')
    if (first === undefined || down.length === 0) return []
    const state =
      down.length < members.length ? 'DEGRADED' : (worstState(down.map((each) => each.state)) ?? 'FAILED')
    return [{ to: first.to, group: first.group, state }]
  })
}
