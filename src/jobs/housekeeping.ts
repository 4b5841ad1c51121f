import { setTimeout as after } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { forgetExpiredTokens } from '../db/access-tokens.ts'
import { requestDeletion } from '../db/dataset-deletion.ts'
import { HousekeepingLock } from '../db/housekeeping-lock.ts'
import { findDueRuns, removeIntermediates } from '../db/intermediates.ts'
import { periodically } from '../db/periodic-work.ts'
import { isDue, listDue } from '../db/retention.ts'
import type { Database } from '../db/schema.ts'
import { vaultReferences } from '../db/vault-references.ts'
import type { Caller } from '../domain/audit/entry.ts'
import { newId } from '../domain/ids.ts'
import { completedBefore } from '../domain/pipeline/intermediates.ts'
import { type Pace, type SweepTotals, sweepVault } from '../domain/vault/sweep.ts'
import type { Vault } from '../domain/vault/vault.ts'

export interface HousekeepingDeps {
  readonly db: Kysely<Database>
  /** Connection string, for the lock, which needs a connection of its own. */
  readonly url: string
  readonly vault: Vault
  readonly log: Logger
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
  /** How long intermediates are kept after a run completed. */
  readonly intermediatesDays: number
  readonly changed: (runId: string) => void
  /** Between two rounds; only tests give another. */
  readonly everyMs?: number
}

export interface Housekeeping {
  /** Ends the round that is going on at its next step; what is left waits for the next process. */
  stop(): Promise<void>
}

const hourMs = 3_600_000

/**
 * Keeps house behind the portal: a round at once and then every hour, in one process of all that share the database.
 * Comes back at once; a round that fails is logged, and the next one tries again.
 */
export function startHousekeeping(deps: HousekeepingDeps): Housekeeping {
  const { log, everyMs = hourMs } = deps
  const lock = new HousekeepingLock(deps.url, log)
  const stopping = new AbortController()
  const { signal } = stopping
  const rounds = async () => {
    while (!signal.aborted) {
      try {
        if (await lock.take()) await keepHouse(deps, signal)
      } catch (err) {
        if (!signal.aborted) log.warn({ err }, 'housekeeping failed; the next round tries again')
      }
      await after(everyMs, undefined, { signal, ref: false }).catch(() => {})
    }
  }
  const running = rounds()
  return {
    async stop() {
      stopping.abort()
      await running
      await lock.release()
    },
  }
}

export interface Round extends SweepTotals {
  /** Runs whose intermediates were removed. */
  readonly runs: number
  /** Datasets whose retention ended; whoever works deletions goes on with them. */
  readonly datasets: number
}

/** One round: datasets and intermediates that are due, then the sweep, which also removes the objects of those. */
export function keepHouse(deps: HousekeepingDeps, signal: AbortSignal): Promise<Round> {
  const { db, vault, log, clock } = deps
  const started = performance.now()
  const pace = paceOf(signal)
  return periodically(deps, 'housekeeping', signal, async () => {
    await forgetExpiredTokens(db, clock())
    const datasets = await periodically(deps, 'retention', signal, () => deleteDue(deps, pace))
    const runs = await periodically(deps, 'intermediates', signal, () => removeDue(deps, pace))
    const swept = await periodically(deps, 'sweep', signal, () =>
      sweepVault({ vault, tables: vaultReferences(db), pace }, clock(), (owner, object) =>
        log.debug({ owner, object }, 'an object that nothing names was swept'),
      ),
    )
    const round = { datasets, runs, ...swept }
    log.info({ ...round, ms: Math.round(performance.now() - started) }, 'housekeeping done')
    return round
  })
}

/** Asks for the deletion of datasets whose retention ended; one that a run still reads waits for the next round. */
async function deleteDue({ db, clock, random, log }: HousekeepingDeps, pace: Pace): Promise<number> {
  const now = clock()
  let deleted = 0
  for (const id of await listDue(db, now)) {
    await pace.step()
    if (!(await isDue(db, id, now))) continue
    const requested = await requestDeletion({ db, clock, random }, systemCaller(now, random), id, 'retention')
    if (requested.ok) deleted++
    else log.warn({ datasetId: id, reason: requested.problem.kind }, 'a dataset that is due was not deleted')
  }
  return deleted
}

const systemCaller = (now: Date, random: (bytes: number) => Uint8Array): Caller => ({
  actor: { id: 'system', kind: 'system' },
  requestId: newId('req', now.getTime(), random(10)),
})

/** Runs looked up at once. */
const batch = 100

async function removeDue(
  { db, clock, random, intermediatesDays, changed }: HousekeepingDeps,
  pace: Pace,
): Promise<number> {
  const now = clock()
  const limits = { now, completedBefore: completedBefore(now, intermediatesDays) }
  const caller = systemCaller(now, random)
  let removed = 0
  for (;;) {
    const due = await findDueRuns(db, limits.completedBefore, batch)
    for (const runId of due) {
      await pace.rest()
      if (!(await removeIntermediates(db, caller, runId, limits))) continue
      changed(runId)
      removed++
    }
    if (due.length < batch) return removed
  }
}

/** Steps done without a break, and the break: some ten thousand objects a second at most, and pages in between. */
const stepsAtOnce = 100
const breakMs = 10
const restMs = 250

function paceOf(signal: AbortSignal): Pace {
  let steps = 0
  return {
    async step() {
      signal.throwIfAborted()
      steps++
      if (steps % stepsAtOnce === 0) await after(breakMs, undefined, { signal })
    },
    async rest() {
      await after(restMs, undefined, { signal })
    },
  }
}
