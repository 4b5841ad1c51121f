import { setTimeout as after } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { type DeletingVault, performDatasetDeletion } from '../db/dataset-deletion.ts'
import { noteProblem, unfinishedDeletions, withDeletionLock } from '../db/deletions.ts'
import type { Database } from '../db/schema.ts'
import { performRemoval } from '../db/subject-removal.ts'
import { performSearch } from '../db/subject-search.ts'
import type { TakeOut } from '../domain/deletion/take-out.ts'
import { VaultError } from '../domain/vault/vault.ts'
import { pause } from './pause.ts'

export interface DeletionDeps {
  readonly db: Kysely<Database>
  readonly vault: DeletingVault
  /** Looks through sources and copies them. */
  readonly takeOut: TakeOut
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
  readonly log: Logger
  /** Between two looks for what is unfinished; only tests give another. */
  readonly everyMs?: number
}

export interface Deletions {
  /** Begins with one at once. Resolves when it is done, or after a second when it takes longer: it goes on behind. */
  begin(id: string): Promise<void>
  /** Waits for the deletions at work to come to an end. */
  stop(): Promise<void>
}

const patienceMs = 1_000

/**
 * Works deletions until nothing of them is left, in whichever process finds them first. What was interrupted goes on
 * where it stopped; what fails says so on its page and is tried again.
 */
export function startDeletions(deps: DeletionDeps): Deletions {
  const { db, log, everyMs = 5_000 } = deps
  const stopping = new AbortController()
  const atWork = new Map<string, Promise<void>>()

  const work = (id: string): Promise<void> => {
    const known = atWork.get(id)
    if (known !== undefined) return known
    const done = performDeletion(deps, id)
      .catch(async (err: unknown) => {
        log.error({ err, deletion: id }, 'a deletion failed; it is tried again')
        await noteProblem(db, id, problemOf(err))
      })
      .catch(() => {})
      .finally(() => atWork.delete(id))
    atWork.set(id, done)
    return done
  }
  const rounds = async () => {
    while (!stopping.signal.aborted) {
      const waiting = await unfinishedDeletions(db).catch((err: unknown) => {
        log.warn({ err }, 'deletions could not be looked up; the next round tries again')
        return []
      })
      for (const { id } of waiting) if (!stopping.signal.aborted) await work(id)
      await pause(everyMs, stopping.signal, false)
    }
  }
  const running = rounds()
  return {
    begin: (id) => Promise.race([work(id), after(patienceMs, undefined, { ref: false })]),
    async stop() {
      stopping.abort()
      await running
      await Promise.all(atWork.values())
    },
  }
}

/** Why a deletion does not go on, and what to do. */
function problemOf(error: unknown): string {
  if (!(error instanceof VaultError)) {
    return 'Something failed. It is tried again every few seconds; the log says what it was.'
  }
  return error.failure === 'sealed'
    ? 'The vault is sealed. It goes on by itself when the master key is back; the administration of the keys says more.'
    : 'A source or a repair is damaged or missing in the vault, so it cannot be copied. Restore it from a backup: npm run vault -- verify and npm run fsck say which. It is tried again every few seconds. Or delete the whole dataset.'
}

/** Does what is left of one deletion, unless another process is at it. */
export async function performDeletion(deps: Omit<DeletionDeps, 'log'>, id: string): Promise<void> {
  const { db } = deps
  await withDeletionLock(db, id, async () => {
    const deletion = (await unfinishedDeletions(db)).find((unfinished) => unfinished.id === id)
    if (deletion === undefined) return
    if (deletion.kind === 'dataset') await performDatasetDeletion(deps, id)
    else if (deletion.status === 'searching') await performSearch(deps, id)
    else await performRemoval(deps, id)
  })
}
