import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Claim } from '../db/claim-shard.ts'
import { recordExports } from '../db/export-audit.ts'
import type { CommitDeps } from '../db/guarded-commit.ts'
import { commitExport, commitIngestion, commitQuality, commitRecords } from '../db/shard-commits.ts'
import { readExportPlan, readProcessedShards, readRepairsFor } from '../db/shard-inputs.ts'
import { commitFailure, commitProbe } from '../db/shard-setbacks.ts'
import { mayStillExport } from '../db/shares.ts'
import { findResult } from '../db/stage-cache.ts'
import type { RepairRef } from '../domain/pipeline/repairs.ts'
import type { ShardTask } from '../domain/pipeline/shard.ts'
import { cacheKey, inputName } from '../domain/pipeline/stage-cache.ts'
import { selectChecks } from '../domain/quality/registry.ts'
import type { ShardOutcome, ShardWork } from './shard-work.ts'
import { commitCutsFrom, commitProgressFrom } from './thread-messages.ts'

/** What a shard is worked with. */
export interface Threads {
  run(work: ShardWork, transferList?: readonly MessagePort[]): Promise<ShardOutcome>
  /** Told whenever a part of the shard was committed. */
  gotOn(): void
}

/**
 * Works one claimed shard and commits what comes out.
 * @returns false when the attempt was overtaken, or its run has ended: then nothing changed
 * @throws whatever kept it from being done; how that is written down is for the caller to say
 */
export async function performShard(deps: CommitDeps, claim: Claim, threads: Threads): Promise<boolean> {
  const { runId, task, configuration, attempt } = claim
  const shared = { objects: { keyOwner: claim.keyOwner, prefix: runId }, attempt }
  const refused = (problem: string) => commitFailure(deps, claim, { problem, retry: false })
  const denied = async () => {
    await recordExports(deps.db, runId, 'denied')
    return refused(noRight)
  }
  switch (task.kind) {
    case 'ingestion': {
      const { inputs, checkpoint } = task
      const { port1, port2 } = new MessageChannel()
      const failure = commitCutsFrom(deps, claim, port1, threads.gotOn)
      // One stage after the other: then ingestion has to read every record itself.
      const slices = configuration.mode !== 'sequential'
      const datasets = [...new Set(inputs.map((input) => input.datasetId))]
      const all = { from: 0, to: Number.MAX_SAFE_INTEGER }
      const found = await Promise.all(
        datasets.map((datasetId) => readRepairsFor(deps.db, claim, { datasetId, ...all })),
      )
      const work: ShardWork = {
        ...shared,
        kind: 'ingestion',
        inputs,
        checkpoint,
        slices,
        repairs: found.flat(),
        port: port2,
      }
      const outcome = await threads.run(work, [port2]).finally(() => port1.close())
      if (outcome.kind === 'refused') return refused(outcome.problem)
      if (outcome.kind !== 'ingestion') throw new Error('not the outcome of ingestion')
      const error = failure()
      if (error !== undefined) throw error
      return outcome.end !== undefined && (await commitIngestion(deps, claim, outcome.end))
    }
    case 'records':
      return performRecords(deps, claim, task, threads)
    case 'quality': {
      const shards = await readProcessedShards(deps.db, runId)
      const { threshold } = configuration
      const outcome = await runWhole(deps, claim, threads, { ...shared, kind: 'quality', shards, threshold })
      if (outcome.kind === 'refused') return refused(outcome.problem)
      if (outcome.kind !== 'quality') throw new Error('not the outcome of quality')
      return commitQuality(deps, claim, outcome)
    }
    case 'export': {
      if (!(await mayStillExport(deps.db, runId))) return denied()
      const shards = await readProcessedShards(deps.db, runId)
      const plan = await readExportPlan(deps.db, runId)
      const outcome = await runWhole(deps, claim, threads, { ...shared, kind: 'export', shards, ...plan })
      if (outcome.kind === 'refused') return refused(outcome.problem)
      if (outcome.kind !== 'export') throw new Error('not the outcome of the export')
      // Asked again: writing may have taken long.
      if (!(await mayStillExport(deps.db, runId))) return denied()
      return commitExport(deps, claim, outcome)
    }
  }
}

const noRight =
  'Whoever started this run may not run all of its datasets any more, so nothing was exported. Have them shared again and resume it, or run them yourself.'
/** Runs the work of a stage that is one shard, and commits how far it says it is. */
async function runWhole(
  deps: CommitDeps,
  claim: Claim,
  threads: Threads,
  work:
    | Omit<Extract<ShardWork, { kind: 'quality' }>, 'port'>
    | Omit<Extract<ShardWork, { kind: 'export' }>, 'port'>,
): Promise<ShardOutcome> {
  const { port1, port2 } = new MessageChannel()
  commitProgressFrom(deps, claim, port1, threads.gotOn)
  return threads.run({ ...work, port: port2 }, [port2]).finally(() => port1.close())
}

/** Of a slice; what ingestion wrote to an object it has repaired itself. */
async function repairsOf(
  { db }: CommitDeps,
  claim: Claim,
  { input, datasetId }: Extract<ShardTask, { kind: 'records' }>,
): Promise<readonly RepairRef[]> {
  if (input.kind !== 'slice') return []
  return readRepairsFor(db, claim, { datasetId, from: input.ordinal, to: input.ordinal + input.records })
}

async function performRecords(
  deps: CommitDeps,
  claim: Claim,
  task: Extract<ShardTask, { kind: 'records' }>,
  threads: Threads,
): Promise<boolean> {
  const { runId, configuration, attempt, keyOwner, index } = claim
  const checks = selectChecks(configuration.checks)
  if (!checks.ok) return commitFailure(deps, claim, { problem: checks.problem.message, retry: false })
  const repairs = await repairsOf(deps, claim, task)
  const name = inputName(task, repairs)
  const key = name === undefined ? undefined : cacheKey(task, name, configuration, checks.value)
  const isAsked = claim.mayReuse && task.isolation === undefined
  const found = key !== undefined && isAsked ? await findResult(deps.db, claim, key) : undefined
  if (key !== undefined && found !== undefined) {
    return commitRecords(deps, claim, found.outcome, { key, reusedRunId: found.runId })
  }
  const outcome = await threads.run({
    objects: { keyOwner, prefix: runId },
    attempt,
    kind: 'records',
    task,
    shard: index,
    configuration,
    repairs,
  })
  if (outcome.kind === 'refused') {
    return commitFailure(deps, claim, { problem: outcome.problem, retry: false })
  }
  if (outcome.kind === 'probed') return commitProbe(deps, claim)
  if (outcome.kind !== 'records') throw new Error('not the outcome of records')
  return commitRecords(deps, claim, outcome, key === undefined ? {} : { key })
}
