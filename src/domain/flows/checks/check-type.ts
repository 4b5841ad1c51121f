import type { Schedule } from '../configuration/schedule-shape.ts'
import type { Keys, KeyValues } from '../configuration/shape.ts'
import type { CheckResult } from './check-result.ts'
import type { Unit } from './quantity.ts'

/** A measurement is judged with the time as an argument. */
export interface JudgeContext {
  /** Milliseconds since 1970 UTC. */
  readonly now: number
  /** The time zone of the flow. */
  readonly timezone: string
  readonly schedule?: Schedule
}

/** Slow kinds of targets run apart, so that they cannot starve the others. */
export type Pool = 'files' | 'network' | 'database' | 'machine' | 'memory'

/** One kind of check: what can be set, and how a measurement is judged. The measuring is an adapter. */
export interface CheckType<K extends Keys, Measurement> {
  /** What it measures, for people. */
  readonly measures: string
  readonly keys: K
  /** Of the `value` of its results; none: it is a bare number, or there is no value. */
  readonly unit?: Unit
  /** Whether its failure is a fault of the process itself, or may come from above it. */
  readonly explains: 'self' | 'upstream'
  /** What running out of time says. */
  readonly onTimeout: 'failed' | 'unknown'
  readonly pool: Pool
  /** What cannot be said of one key alone; the sentence refuses the check. */
  wrong?(parameters: KeyValues<K>, common: { readonly schedule: Schedule | undefined }): string | undefined
  judge(parameters: KeyValues<K>, measured: Measurement, context: JudgeContext): CheckResult
}

export const defineCheckType = <K extends Keys, Measurement>(
  type: CheckType<K, Measurement>,
): CheckType<K, Measurement> => type
