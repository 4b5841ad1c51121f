import type { MessagePort } from 'node:worker_threads'
import type { Claim } from '../db/claim-shard.ts'
import type { CommitDeps } from '../db/guarded-commit.ts'
import { commitCuts, commitProgress } from '../db/shard-commits.ts'
import type { CutMessage } from './shard-work.ts'

/**
 * Commits what the thread cuts, and answers each message with whether it may go on.
 * @param gotOn called after each commit
 * @returns asks afterwards for the error that kept a cut from being committed
 */
export function commitCutsFrom(
  deps: CommitDeps,
  claim: Claim,
  port: MessagePort,
  gotOn: () => void,
): () => unknown {
  let failed: unknown
  port.on('message', (cuts: CutMessage) => {
    commitCuts(deps, claim, cuts).then(
      (kept) => {
        port.postMessage(kept)
        gotOn()
      },
      (err) => {
        // The first says why: those after it only miss the cut before.
        failed ??= err
        port.postMessage(false)
      },
    )
  })
  return () => failed
}

/**
 * Commits how far the thread says it is; of what comes while one is committed only the last.
 * @param gotOn called after each commit
 */
export function commitProgressFrom(
  deps: CommitDeps,
  claim: Claim,
  port: MessagePort,
  gotOn: () => void,
): void {
  let latest: number | undefined
  let isCommitting = false
  const commit = async () => {
    while (latest !== undefined) {
      const records = latest
      latest = undefined
      if (await commitProgress(deps, claim, records)) gotOn()
    }
  }
  port.on('message', (records: number) => {
    latest = records
    if (isCommitting) return
    isCommitting = true
    // What cannot be said now is said with the next message; the work itself does not depend on it.
    commit()
      .catch(() => {})
      .finally(() => {
        isCommitting = false
      })
  })
}
