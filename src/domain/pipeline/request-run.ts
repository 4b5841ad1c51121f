import type { Caller } from '../audit/entry.ts'
import type { Result } from '../result.ts'
import type { RunConfiguration } from './run.ts'

/** What a caller asks for: which datasets, in this order, with which configuration. */
export interface RunRequest {
  readonly datasetIds: readonly string[]
  readonly configuration: RunConfiguration
  /** The run it goes on from: what was repaired in that one's quarantine is read instead of the source. */
  readonly parentRunId?: string
  /** Higher goes first among the caller's own waiting runs; -10 to 10, 0 when not given. */
  readonly priority?: number
  /** Chosen by the caller: the same key with the same request answers the same run, with another one it is refused. */
  readonly idempotencyKey?: string
}

/** Writes run, inputs, stages, audit entry and first job in one transaction. Implemented over Postgres in db/runs.ts. */
export interface Runs {
  /** Answers the run's id at once; refuses unknown datasets, datasets without files, and unknown checks. */
  start(caller: Caller, request: RunRequest): Promise<Result<string>>
  /** Stops a queued or running run at its next batch. */
  cancel(caller: Caller, runId: string): Promise<Result<void>>
  /** Goes on with a failed or cancelled run where it stopped, with the same configuration. */
  resume(caller: Caller, runId: string): Promise<Result<void>>
}
