import { type MeasuredCheck, runCheck } from '../adapters/checks/run-check.ts'
import { type CheckResult, couldNotTell } from '../domain/flows/checks/check-result.ts'
import type { CheckRunners } from '../domain/flows/checks/check-runner.ts'
import { checkTypes } from '../domain/flows/checks/registry.ts'
import { Lateness } from '../domain/flows/schedule/lateness.ts'
import { Places } from '../domain/flows/schedule/places.ts'

/** What a measurement found, and when it ended. */
export interface Outcome {
  readonly result: CheckResult
  /** Milliseconds since 1970 UTC. */
  readonly at: number
  readonly durationMs: number
}

export interface MeasurementsDeps {
  readonly runners: CheckRunners
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number
  /** Milliseconds that never jump, whatever is done to the clock. */
  readonly monotonic: () => number
}

export interface Asked {
  readonly check: MeasuredCheck
  readonly timezone: string
  /** When it should have begun; undefined: it is another try, whose lateness says nothing. */
  readonly due: number | undefined
  readonly done: (outcome: Outcome) => void
}

interface Measurement {
  readonly key: string
  readonly check: MeasuredCheck
  readonly timezone: string
  readonly due: number | undefined
  readonly ending: AbortController
  readonly waiting: Set<Asked>
  /** When it is given up on; undefined while it waits for a place. */
  giveUpAt: number | undefined
  beganAt: number
  isRepeated: boolean
  isOver: boolean
}

/** A runner has this long to end after its time is over. */
const graceMs = 1_000
const overdueMs = 1_000
/**
 * A process that does nothing for so long was frozen, or too busy to look: its timers fire before it sees what came
 * meanwhile. Longer than the scheduler's ticks are apart, shorter than the usual timeout.
 */
const sleepMs = 750

/** Measures what is asked for: in bounded places, and what is asked twice at the same time only once. */
export class Measurements {
  readonly #deps: MeasurementsDeps
  readonly #places = new Places<Measurement>((measurement) => this.#begin(measurement))
  readonly #lateness = new Lateness()
  readonly #current = new Map<string, Measurement>()
  readonly #running = new Set<Measurement>()
  readonly #cached = new Map<string, Outcome & { readonly until: number; readonly began: number }>()
  readonly #hanging = new Set<string>()
  #awakeAt: number
  #sleptAt = Number.NEGATIVE_INFINITY
  /** Runs whose runner did not end when it was told to, since the start. */
  givenUp = 0

  constructor(deps: MeasurementsDeps) {
    this.#deps = deps
    this.#awakeAt = deps.monotonic()
  }

  /** @returns stops waiting for it; what nobody waits for any more is ended */
  ask(asked: Asked): () => void {
    const { check, timezone } = asked
    const key = meaningOfMeasurement(check, timezone)
    const now = this.#deps.monotonic()
    const known = this.#cached.get(key)
    // Another try wants to know anew.
    if (known !== undefined && asked.due !== undefined && now - known.began <= check.cacheTtl) {
      asked.done(known)
      return () => {}
    }
    if (this.#hanging.has(key)) {
      const result = couldNotTell('timeout', 'An earlier run has not ended although it was told to.')
      asked.done({ result, at: this.#deps.clock(), durationMs: 0 })
      return () => {}
    }
    let measurement = this.#current.get(key)
    if (measurement === undefined) {
      measurement = {
        key,
        check,
        timezone,
        due: asked.due,
        ending: new AbortController(),
        waiting: new Set(),
        giveUpAt: undefined,
        beganAt: now,
        isRepeated: false,
        isOver: false,
      }
      this.#current.set(key, measurement)
      measurement.waiting.add(asked)
      this.#places.enter(checkTypes[check.type].pool, measurement)
    } else measurement.waiting.add(asked)
    const joined = measurement
    return () => this.#leave(joined, asked)
  }

  /** Gives up on runs that did not end in time, and forgets what is too old. */
  tidy(): void {
    const now = this.#wake()
    for (const measurement of this.#running) {
      if (measurement.giveUpAt === undefined || now < measurement.giveUpAt) continue
      this.givenUp++
      this.#hanging.add(measurement.key)
      const result = couldNotTell('timeout', 'It did not end in time, not even when it was told to.')
      this.#tell(measurement, result, measurement.check.timeout)
    }
    for (const [key, { until }] of this.#cached) if (until < now) this.#cached.delete(key)
  }

  /** How late runs began lately, 99th percentile. */
  lagMs(): number {
    return this.#lateness.p99(this.#deps.monotonic())
  }

  /** Measurements that wait for a place although they should have begun. */
  overdue(): number {
    const now = this.#deps.monotonic()
    let overdue = 0
    for (const { due } of this.#places.waiting()) if (due !== undefined && now - due > overdueMs) overdue++
    return overdue
  }

  #begin(measurement: Measurement): void {
    const { check, timezone, due, ending, key } = measurement
    const began = this.#deps.monotonic()
    if (due !== undefined && !measurement.isRepeated) this.#lateness.note(due, began)
    measurement.beganAt = began
    measurement.giveUpAt = began + check.timeout + graceMs
    this.#running.add(measurement)
    void runCheck(this.#deps.runners, check, { now: this.#deps.clock(), timezone }, ending.signal).then(
      (result) => {
        if (measurement.isOver) this.#hanging.delete(key)
        else this.#end(measurement, result, this.#deps.monotonic() - began)
      },
    )
  }

  /** A run that this process slept through says nothing of its target, unless it is good: it is done again, once. */
  #end(measurement: Measurement, result: CheckResult, durationMs: number): void {
    this.#wake()
    const hasSlept = this.#sleptAt >= measurement.beganAt
    if (hasSlept && result.outcome !== 'pass' && !measurement.isRepeated && measurement.waiting.size > 0) {
      measurement.isRepeated = true
      this.#begin(measurement)
      return
    }
    this.#tell(measurement, result, durationMs)
  }

  /** Notes that this process is awake, and whether it slept until now; a run has its time without that. */
  #wake(): number {
    const now = this.#deps.monotonic()
    const slept = now - this.#awakeAt
    this.#awakeAt = now
    if (slept < sleepMs) return now
    this.#sleptAt = now
    for (const measurement of this.#running) {
      if (measurement.giveUpAt !== undefined) measurement.giveUpAt += slept
    }
    return now
  }

  #tell(measurement: Measurement, result: CheckResult, durationMs: number): void {
    const { key, check, waiting } = measurement
    measurement.isOver = true
    this.#running.delete(measurement)
    if (this.#current.get(key) === measurement) this.#current.delete(key)
    const outcome = { result, at: this.#deps.clock(), durationMs }
    const longest = Math.max(0, ...[...waiting].map((asked) => asked.check.cacheTtl))
    if (longest > 0) {
      const began = this.#deps.monotonic()
      this.#cached.set(key, { ...outcome, began, until: began + longest })
    }
    this.#places.leave(checkTypes[check.type].pool)
    for (const asked of waiting) asked.done(outcome)
  }

  #leave(measurement: Measurement, asked: Asked): void {
    measurement.waiting.delete(asked)
    if (measurement.waiting.size > 0 || measurement.isOver) return
    // Who asks for the same from now on gets a measurement that is not being ended.
    if (this.#current.get(measurement.key) === measurement) this.#current.delete(measurement.key)
    if (this.#places.forget(checkTypes[measurement.check.type].pool, measurement)) return
    measurement.ending.abort()
  }
}

/** Two checks that measure and judge the same at the same time get the same answer. */
function meaningOfMeasurement(check: MeasuredCheck, timezone: string): string {
  const known = meanings.get(check)
  if (known !== undefined) return known
  const { type, parameters, timeout, schedule } = check
  const meaning = JSON.stringify([type, parameters, timeout, schedule, timezone])
  meanings.set(check, meaning)
  return meaning
}
const meanings = new WeakMap<MeasuredCheck, string>()
