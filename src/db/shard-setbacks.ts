import { narrow, threadLoss } from '../domain/pipeline/isolate.ts'
import type { Claim } from './claim-shard.ts'
import { type CommitDeps, guarded, mine } from './guarded-commit.ts'
import { failRun, loseShard } from './lose-shard.ts'
import { addEvent } from './run-events.ts'

/**
 * A handler threw. Back on the queue up to three times where trying again can help; else the shard and with it
 * the run have failed. `problem` is a sentence of ours, never the error's own message: that may quote a record.
 */
export function commitFailure(
  deps: CommitDeps,
  claim: Claim,
  { problem, retry }: { problem: string; retry: boolean },
): Promise<boolean> {
  return guarded(
    deps,
    claim,
    async (trx) => {
      const { failures } = claim
      const now = deps.clock()
      if (retry && failures < mostRetries) {
        const seconds = 2 ** failures
        const notBefore = new Date(now.getTime() + seconds * 1_000)
        await mine(trx, claim)
          .set({ status: 'queued', failures: failures + 1, workerId: null, notBefore })
          .execute()
        const message = `Shard ${claim.index + 1} failed; retry ${failures + 1} of ${mostRetries} in ${seconds} s`
        await addEvent(trx, claim.runId, now, 'retry', message, claim)
        await deps.send(trx, claim.runId, seconds)
      } else await failRun(trx, claim, now, problem)
      return {}
    },
    { putsBack: true },
  )
}

const mostRetries = 3

/** The thread was lost over the shard: out of memory, or out of time. */
export const commitLoss = (deps: CommitDeps, claim: Claim, how: string): Promise<boolean> =>
  guarded(
    deps,
    claim,
    async (trx) => {
      await loseShard(trx, deps, claim, threadLoss, how)
      return {}
    },
    { putsBack: true },
  )

/** The records that were tried did not cost the worker: the search goes on with the others. */
export const commitProbe = (deps: CommitDeps, claim: Claim): Promise<boolean> =>
  guarded(deps, claim, async (trx) => {
    const { task, runId, failures } = claim
    if (task.kind !== 'records' || task.isolation === undefined) throw new Error('not a search')
    const { isolation, ...rest } = task
    const found = narrow(isolation, false)
    const now = deps.clock()
    if (found !== 'none' && 'next' in found) {
      const next = { ...rest, isolation: found.next }
      await mine(trx, claim)
        .set({ status: 'queued', workerId: null, task: JSON.stringify(next) })
        .execute()
    } else if (failures < mostRetries) {
      const message = `No record of shard ${claim.index + 1} alone costs its worker; it is tried again as a whole`
      await addEvent(trx, runId, now, 'retry', message, claim)
      await mine(trx, claim)
        .set({
          status: 'queued',
          workerId: null,
          losses: 0,
          failures: failures + 1,
          task: JSON.stringify(rest),
        })
        .execute()
    } else {
      await failRun(
        trx,
        claim,
        now,
        `Shard ${claim.index + 1} of ${claim.stage} costs its worker, and no record alone is to blame. It may take more memory or time than a worker has; the log has the details under this run's id.`,
      )
    }
    await deps.send(trx, runId)
    return {}
  })

/** Put back, neither a retry nor a loss: this process ends, or cannot go on now. */
export const commitRelease = (deps: CommitDeps, claim: Claim, afterSeconds = 0): Promise<boolean> =>
  guarded(
    deps,
    claim,
    async (trx) => {
      const notBefore = afterSeconds === 0 ? null : new Date(deps.clock().getTime() + afterSeconds * 1_000)
      await mine(trx, claim).set({ status: 'queued', workerId: null, notBefore }).execute()
      await deps.send(trx, claim.runId, afterSeconds === 0 ? undefined : afterSeconds)
      return {}
    },
    { putsBack: true },
  )
