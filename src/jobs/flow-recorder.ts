import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import type { Stated } from '../db/check-memories.ts'
import type { Batch, CheckName, Transition } from '../db/flow-leadership.ts'
import type { Check } from '../domain/flows/flow.ts'
import { extendSpan, type ResultSpan } from '../domain/flows/history/result-span.ts'
import { type FlowPictures, meaningOf } from '../domain/flows/monitor/flow-pictures.ts'
import type { CheckMemory } from '../domain/flows/state/check-state.ts'
import { remember } from '../domain/flows/state/check-state.ts'
import type { State } from '../domain/flows/state/state.ts'
import { isVirtual } from '../domain/flows/state/virtual-check.ts'
import type { FinishedRun } from './check-scheduler.ts'

/** A failure that lasts is said this often. */
const repeatMs = 60_000
/** How far behind the end of a span may be in the database. */
const spanBehindMs = 10_000
/** What time alone changes is looked for this often. */
const lookMs = 1_000

/** What this process has seen of a check, as it is configured. */
interface Acquaintance {
  readonly meaning: string
  /** Of a monotonic clock. */
  readonly since: number
  hasRun: boolean
}

interface Kept {
  span: ResultSpan
  /** The end of the span that is in the database or in the next batch. */
  writtenTo: number
  loggedAt: number
}

/** What the process that runs the checks takes down: what is remembered, history and changes, from one batch to the next. */
export class FlowRecorder {
  readonly #pictures: FlowPictures
  readonly #log: Logger
  readonly #kept = new Map<string, Kept>()
  readonly #states = new Map<string, State>()
  readonly #rowHashes = new Map<string, string>()
  readonly #acquaintances = new Map<string, Acquaintance>()
  #memories = new Map<string, Batch['memories'][number]>()
  #spans = new Map<string, Batch['spans'][number]>()
  #transitions: Transition[] = []
  #rows = new Map<string, Batch['rows'][number]>()
  #lookedAt = Number.NEGATIVE_INFINITY
  #mustLook = true

  constructor(pictures: FlowPictures, log: Logger) {
    this.#pictures = pictures
    this.#log = log
  }

  /** @returns whether it changed what is shown of the check, so that others should hear of it at once */
  take({ flowId, check, result: found, at, durationMs, nextAt }: FinishedRun): boolean {
    const { rows, ...judged } = found
    const result = { ...judged, tookMs: Math.round(durationMs) }
    const before = this.#pictures.memory(flowId, check.id)
    const memory = { ...remember(before, check, result, at), nextAt }
    this.#pictures.remember(flowId, check.id, memory)
    this.#acquaintance(flowId, check, 0).hasRun = true
    const name: CheckName = { flow: flowId, check: check.id }
    const key = `${flowId}/${check.id}`
    this.#memories.set(key, {
      ...name,
      meaning: meaningOf(check),
      hash: this.#pictures.watched(flowId)?.hash ?? '',
      memory,
    })
    const hasChanged = before?.state !== memory.state || before.result.outcome !== result.outcome
    this.#mustLook ||= hasChanged
    if (rows !== undefined) {
      const hash = createHash('sha256').update(JSON.stringify(rows)).digest('hex')
      if (this.#rowHashes.get(key) !== hash) this.#rows.set(key, { ...name, at, rows })
      this.#rowHashes.set(key, hash)
    }
    const kept = this.#extend(key, name, check.type, memory)
    // Neither a failure that lasts nor one that comes and goes may fill the log.
    const isRepeat = memory.row.state !== 'HEALTHY' && Math.abs(at - kept.loggedAt) >= repeatMs
    const isNews = (hasChanged && !memory.flapping) || isRepeat
    if (isNews) kept.loggedAt = at
    this.#say(flowId, check.id, memory, durationMs, isNews)
    return hasChanged
  }

  /** Everything since the last batch. @param now milliseconds since 1970 UTC, @param turn of a monotonic clock */
  batch(now: number, turn: number, { lagMs, overdue }: Pick<Batch, 'lagMs' | 'overdue'>): Batch {
    if (this.#mustLook || turn - this.#lookedAt >= lookMs) {
      this.#lookedAt = turn
      this.#mustLook = false
      this.#look(now, turn)
    }
    const batch = {
      lagMs,
      overdue,
      memories: [...this.#memories.values()],
      spans: [...this.#spans.values()],
      transitions: this.#transitions,
      rows: [...this.#rows.values()],
    }
    this.#memories = new Map()
    this.#spans = new Map()
    this.#transitions = []
    this.#rows = new Map()
    return batch
  }

  /** Everything whose state is watched: processes and checks, as they are configured. */
  stated(): Stated[] {
    return this.#pictures
      .list()
      .flatMap(({ id: flow, flow: { processes, checks } }) => [
        ...processes.map((process): Stated => ({ flow, process: process.id, check: undefined })),
        ...checks.map((check): Stated => ({ flow, process: check.process, check: check.id })),
      ])
  }

  /** What history knew last, so that a new leader notes no change where there was none. */
  recall(states: readonly (Stated & { readonly state: State })[]): void {
    for (const stated of states) this.#states.set(keyOf(stated), stated.state)
  }

  #extend(key: string, name: CheckName, type: FinishedRun['check']['type'], memory: CheckMemory): Kept {
    const { state, result, at } = memory
    const known = this.#kept.get(key)
    const { reason, value } = result
    const span = extendSpan(known?.span, type, { at, state, reason, value })
    const isNew = span.from !== known?.span.from
    if (known !== undefined && isNew && known.writtenTo !== known.span.to) {
      this.#spans.set(`${key} ${known.span.from}`, { ...name, span: known.span })
    }
    const isDue = isNew || span.to - (known?.writtenTo ?? 0) >= spanBehindMs
    if (isDue) this.#spans.set(`${key} ${span.from}`, { ...name, span })
    const kept = known ?? { span, writtenTo: at, loggedAt: Number.NEGATIVE_INFINITY }
    kept.span = span
    if (isDue) kept.writtenTo = span.to
    this.#kept.set(key, kept)
    return kept
  }

  /**
   * Compares what is shown now with what was shown last. What rests on checks whose turn has not come yet is left out:
   * after a start, a hand-over or a new configuration nothing has changed, it was only not looked at.
   */
  #look(now: number, turn: number): void {
    for (const { id: flow, flow: configured } of this.#pictures.list()) {
      const assessment = this.#pictures.picture(flow)?.assessment
      if (assessment === undefined) continue
      const checks = new Map(configured.checks.map((check) => [check.id, check]))
      const isSettled = (id: string): boolean => {
        const check = checks.get(id)
        if (check === undefined) return true
        if (isVirtual(check)) return check.parameters.of.every(isSettled)
        const { hasRun, since } = this.#acquaintance(flow, check, turn)
        return hasRun || turn - since > check.ttl
      }
      for (const process of assessment.processes) {
        const [because] = process.because
        const alike = process.because.filter(({ view }) => view.state === because?.view.state)
        if (alike.length > 0 && !alike.some(({ check }) => isSettled(check))) continue
        this.#note({ flow, process: process.id, check: undefined }, process.state, now, {
          reason: because?.view.reason,
          message: because?.view.message ?? '',
        })
      }
      for (const check of configured.checks) {
        const view = assessment.checks.get(check.id)
        if (view !== undefined && isSettled(check.id))
          this.#note({ flow, process: check.process, check: check.id }, view.state, now, view)
      }
    }
  }

  #acquaintance(flow: string, check: Check, turn: number): Acquaintance {
    const key = `${flow}/${check.id}`
    const meaning = meaningOf(check)
    const known = this.#acquaintances.get(key)
    if (known?.meaning === meaning) return known
    const met = { meaning, since: turn, hasRun: false }
    this.#acquaintances.set(key, met)
    return met
  }

  #note(
    stated: Stated,
    to: State,
    at: number,
    { reason, message }: { readonly reason: string | undefined; readonly message: string },
  ): void {
    const key = keyOf(stated)
    // What has never run is UNKNOWN: that is no change.
    const from = this.#states.get(key) ?? 'UNKNOWN'
    if (from === to) return
    this.#states.set(key, to)
    this.#transitions.push({ ...stated, at, from, to, reason, message })
  }

  #say(flowId: string, checkId: string, memory: CheckMemory, ms: number, isNews: boolean): void {
    const { state, result, row } = memory
    const { outcome, reason } = result
    const line = { flowId, checkId, state, outcome, reason, ms: Math.round(ms) }
    // As what it counts: a port that does not answer in time is a failure, a value that may be missing is none.
    if (row.state === 'HEALTHY') this.#log.debug(line, 'a check passed')
    else if (!isNews) this.#log.debug(line, 'a check did not pass')
    else if (row.state === 'FAILED') this.#log.error(line, 'a check failed')
    else this.#log.warn(line, 'a check warns or could not tell')
  }
}

const keyOf = ({ flow, process, check }: Stated): string => `${flow}/${process}/${check ?? ''}`
