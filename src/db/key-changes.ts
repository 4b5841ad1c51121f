import type { Kysely } from 'kysely'
import type { AuditEntry, Caller } from '../domain/audit/entry.ts'
import type { Result } from '../domain/result.ts'
import type { KeyKeeper, Rotation, RotationStep } from '../domain/vault/key-state.ts'
import { recordAudit } from './audit-outbox.ts'
import { withKeyRotationLock } from './key-rotation-lock.ts'
import type { Database } from './schema.ts'

interface Deps {
  readonly db: Kysely<Database>
  readonly vault: Pick<KeyKeeper, 'rotate' | 'retire'>
}

/** Rotates the master key, alone of all processes, on record when it begins and when it ends. */
export async function rotateOnRecord(
  { db, vault }: Deps,
  caller: Caller,
  step: (step: RotationStep) => void,
): Promise<Result<Rotation>> {
  return onRecord(
    db,
    caller,
    'vault.rotate',
    {},
    () => vault.rotate(step),
    ({ masterVersion, isNew, rewrapped, damaged }) => ({
      outcome: damaged.length === 0 ? 'allowed' : 'failed',
      details: { masterVersion, isNew, rewrapped, damaged: damaged.length },
    }),
  )
}

/** Removes an old version of the master key, alone of all processes, on record when it begins and when it ends. */
export async function retireOnRecord(
  { db, vault }: Deps,
  caller: Caller,
  masterVersion: number,
): Promise<Result<void>> {
  return onRecord(
    db,
    caller,
    'vault.retire',
    { masterVersion },
    () => vault.retire(masterVersion),
    () => ({ outcome: 'allowed', details: {} }),
  )
}

type Ending = Pick<AuditEntry, 'outcome' | 'details'>

/** Files change here and not rows: there is no one transaction, so what is begun is written down before it begins. */
async function onRecord<T>(
  db: Kysely<Database>,
  caller: Caller,
  action: 'vault.rotate' | 'vault.retire',
  about: AuditEntry['details'],
  work: () => Promise<Result<T>>,
  ending: (value: T) => Ending,
): Promise<Result<T>> {
  const note = (phase: 'begun' | 'ended', { outcome, details }: Ending) =>
    recordAudit(db, caller, {
      action,
      objectType: 'system',
      objectId: 'vault',
      outcome,
      details: { phase, ...about, ...details },
    })
  const failed = (reason: string): Ending => ({ outcome: 'failed', details: { reason } })
  try {
    const result = await withKeyRotationLock(db, async () => {
      await note('begun', { outcome: 'allowed', details: {} })
      return work()
    })
    await note('ended', result.ok ? ending(result.value) : failed(result.problem.kind))
    return result
  } catch (error) {
    // It may be the database that is away: the fault itself is what has to be heard of.
    await note('ended', failed('fault')).catch(() => {})
    throw error
  }
}
