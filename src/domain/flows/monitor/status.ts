import type { MachineView } from '../../auth/machine-access.ts'
import { mistakeLine } from '../configuration/located.ts'
import type { Check, Flow } from '../flow.ts'
import type { FlowAssessment, ProcessAssessment } from '../state/assess-flow.ts'
import { type CheckView, nextRunAt } from '../state/check-state.ts'
import { type State, worstState } from '../state/state.ts'
import { isVirtual } from '../state/virtual-check.ts'
import type { FlowPicture, RefusedFile, SchedulerState } from './flow-monitor.ts'
import type { Health, Status, StatusCheck, StatusFlow, StatusProcess } from './status-shape.ts'

/** All that `/status` says besides the flows. */
export type StatusHead = Omit<Status, 'flows'>

/**
 * What `/status` says before its flows.
 * @param pictures of the flows that are asked for
 * @param now where there is no flow to say when it was looked at
 */
export function statusHead(
  {
    seq,
    bootId,
    scheduler,
    refused,
    pictures,
  }: {
    readonly seq: number
    readonly bootId: string
    readonly scheduler: SchedulerState
    readonly refused: readonly RefusedFile[]
    readonly pictures: readonly FlowPicture[]
  },
  view: MachineView,
  now: number,
): StatusHead {
  return {
    generated_at: iso(Math.min(now, ...pictures.map((picture) => picture.at))),
    seq,
    boot_id: bootId,
    scheduler: {
      lag_ms: Math.round(scheduler.lagMs),
      overdue: scheduler.overdue,
      stalled: scheduler.isStalled,
      seen_at: isoOrNull(scheduler.seenAt),
    },
    refused_files: refused.map((file) => refusedOf(file, view)),
  }
}

/** What `/status` says of one flow; an outline holds no evidence: no paths, rows, or sentences with values in them. */
export function statusOfFlow({ watched, assessment, seq, at }: FlowPicture, view: MachineView): StatusFlow {
  const { flow, hash, loadedAt, refused } = watched
  const checks = new Map(flow.checks.map((check) => [check.id, check]))
  const blame = blamedChecks(flow, assessment)
  return {
    id: watched.id,
    name: flow.name,
    seq,
    config: {
      hash,
      loaded_at: iso(loadedAt),
      error: refused === undefined ? null : refusedOf(refused, view),
    },
    summary: {
      state: assessment.state,
      sentence: assessment.sentence,
      roots: [...assessment.roots],
      counts: { ...assessment.counts },
    },
    processes: assessment.processes.map((process) => ({
      id: process.id,
      name: process.name,
      state: process.state,
      role: process.role,
      caused_by: process.causedBy.map((cause) => ({
        process: cause.process,
        check: blame.get(cause.process) ?? null,
        path: [...cause.path],
      })),
      starves_in_s: process.starvesIn === undefined ? null : Math.round(process.starvesIn / 1_000),
      since: isoOrNull(process.since),
      overlays: overlaysOf(process),
      because: process.because.flatMap(({ check: id, view: shown }) => {
        const check = checks.get(id)
        return check === undefined ? [] : [statusOfCheck(check, shown, view, at)]
      }),
    })),
  }
}

function statusOfCheck(check: Check, shown: CheckView, view: MachineView, at: number): StatusCheck {
  // What is judged from other checks has no run of its own, and so no age and no evidence.
  const memory = isVirtual(check) ? undefined : shown.memory
  const result = view === 'full' ? memory?.result : undefined
  return {
    check: check.id,
    state: shown.state,
    reason: shown.reason ?? null,
    message: view === 'full' ? shown.message : null,
    expected: result?.expected ?? null,
    observed: result?.observed ?? null,
    evidence: (result?.evidence ?? []).map(({ label, value }) => ({ label, value })),
    since: isoOrNull(shown.since),
    last_ok_at: isoOrNull(memory?.lastOkAt),
    next_at: isoOrNull(memory === undefined ? undefined : nextRunAt(check, memory)),
    age_ms: memory === undefined ? null : Math.max(0, at - memory.at),
    detection_budget_ms: check.detectionBudget,
  }
}

/** The worst check of every process that is bad, by which it is the cause of something. */
const blamedChecks = (flow: Flow, { processes }: FlowAssessment): ReadonlyMap<string, string> => {
  const own = new Set(flow.checks.filter((check) => check.explains === 'self').map((check) => check.id))
  return new Map(
    processes
      .filter(({ state }) => state !== 'HEALTHY')
      .flatMap(({ id, because }): [string, string][] => {
        const worst = because.filter(({ view }) => view.state === because[0]?.view.state)
        // A fault of its own says more of a cause than that nothing arrives.
        const check = worst.find((each) => own.has(each.check)) ?? worst[0]
        return check === undefined ? [] : [[id, check.check]]
      }),
  )
}

function overlaysOf(process: ProcessAssessment): StatusProcess['overlays'] {
  const { confirming, flapping, draining, probable } = process
  return [
    ...(confirming === undefined ? [] : [{ kind: 'confirming', count: confirming.count, of: confirming.of }]),
    ...(flapping ? [{ kind: 'flapping' }] : []),
    ...(draining ? [{ kind: 'draining' }] : []),
    ...(probable ? [{ kind: 'probable' }] : []),
  ]
}

const refusedOf = ({ file, at, mistakes }: RefusedFile, view: MachineView) => ({
  file: view === 'full' ? file : null,
  refused_at: iso(at),
  mistakes: view === 'full' ? mistakes.map(mistakeLine) : [],
})

/**
 * Whether `?strict=1` passes: there is a flow, every process of every flow is HEALTHY or DEGRADED (what only warns
 * makes none worse), the checks are being run, and no file is without a flow because it was never right.
 */
export const passesStrictly = (
  pictures: readonly FlowPicture[],
  scheduler: Pick<SchedulerState, 'isStalled'>,
  neverRight: readonly RefusedFile[],
): boolean =>
  pictures.length > 0 &&
  !scheduler.isStalled &&
  neverRight.length === 0 &&
  pictures.every(({ assessment: { counts } }) => counts.FAILED === 0 && counts.UNKNOWN === 0)

/** What `/health` says of the flows. Where nobody runs the checks, nothing good is known any more. */
export function healthOfFlows(
  pictures: readonly FlowPicture[],
  scheduler: Pick<SchedulerState, 'isStalled'>,
  neverRight: readonly RefusedFile[],
): Health['flows'] {
  const states: State[] = pictures.map((picture) => picture.assessment.state)
  if (states.length > 0 && scheduler.isStalled) states.push('UNKNOWN')
  return {
    state: worstState(states) ?? null,
    watched: pictures.length,
    refused: neverRight.length + pictures.filter(({ watched }) => watched.refused !== undefined).length,
    stalled: scheduler.isStalled,
  }
}

/** Times of the last answers: all but a few are in the next one as well. */
const written = new Map<number, string>()
const mostWritten = 10_000

function iso(at: number): string {
  const known = written.get(at)
  if (known !== undefined) return known
  if (written.size >= mostWritten) written.clear()
  const text = new Date(at).toISOString()
  written.set(at, text)
  return text
}
const isoOrNull = (at: number | undefined): string | null => (at === undefined ? null : iso(at))
