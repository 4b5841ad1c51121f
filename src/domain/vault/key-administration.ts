import type { Caller } from '../audit/entry.ts'
import type { Result } from '../result.ts'
import type { KeyState } from './key-state.ts'

/** What administrators do with the master keys from a page. Every change is on record, and one goes on at a time. */
export interface KeyAdministration {
  state(): Promise<KeyState>
  /** Whether any process re-wraps keys right now, or retires a version. */
  isBusy(): Promise<boolean>
  /** Why the last rotation of this process stopped before its end; undefined when it did not. */
  lastProblem(): string | undefined
  /**
   * Begins a rotation, or goes on with an interrupted one. Comes back as soon as the first key is re-wrapped, or with
   * why none was; the rest goes on behind.
   */
  beginRotation(caller: Caller): Promise<Result<void>>
  /** Removes an old version of the master key; refused while any key needs it. */
  retire(caller: Caller, masterVersion: number): Promise<Result<void>>
}

export interface RotationProgress {
  /** The version that the keys are re-wrapped under. */
  readonly to: number
  /** Keys under it, of all. */
  readonly done: number
  readonly total: number
}

/** How far a rotation is that has not ended; undefined when no key waits for one. The wrapped keys are its only memory. */
export function unfinishedRotation({
  masterKeys,
}: Pick<KeyState, 'masterKeys'>): RotationProgress | undefined {
  const current = masterKeys.find(({ isCurrent }) => isCurrent)
  if (current === undefined) return undefined
  const total = masterKeys.reduce((sum, { keys }) => sum + keys, 0)
  return current.keys === total ? undefined : { to: current.version, done: current.keys, total }
}
