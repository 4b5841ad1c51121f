import type { KeyKeeper } from './key-state.ts'
import type { Vault } from './vault.ts'

/** Something the vault holds that cannot be read; ids only. */
export interface Damage {
  readonly owner: string
  /** Undefined: the owner's key itself. */
  readonly id: string | undefined
  readonly says: 'damaged' | 'key destroyed' | 'key missing'
}

export interface VerifiedOwner {
  readonly owner: string
  readonly objects: number
  readonly done: number
  readonly total: number
}

export interface VerifyTotals {
  owners: number
  objects: number
  storedBytes: number
  damaged: number
}

/**
 * Reads and authenticates every object of every owner to its last byte, and opens every key. What is removed meanwhile
 * is passed over.
 * @param from owners before this id are left out: an interrupted look goes on where it was
 */
export async function verifyVault(
  vault: Pick<Vault, 'list'> & Pick<KeyKeeper, 'ownerIds' | 'verify' | 'verifyKeys'>,
  from: string | undefined,
  hear: { found(damage: Damage): void; finished(owner: VerifiedOwner): void },
): Promise<VerifyTotals> {
  const totals: VerifyTotals = { owners: 0, objects: 0, storedBytes: 0, damaged: 0 }
  const owners = (await vault.ownerIds()).filter((owner) => from === undefined || owner >= from)
  const found = (damage: Damage) => {
    totals.damaged++
    hear.found(damage)
  }
  for (const [at, owner] of owners.entries()) {
    const keys = await vault.verifyKeys(owner)
    if (keys === 'damaged') found({ owner, id: undefined, says: 'damaged' })
    let objects = 0
    for await (const { id, storedBytes } of vault.list(owner)) {
      const verification = await vault.verify(owner, id)
      if (verification === 'gone') continue
      objects++
      totals.storedBytes += storedBytes
      if (verification === 'damaged') found({ owner, id, says: 'damaged' })
      // A dataset that is deleted meanwhile loses its key before its objects.
      if (verification === 'key-destroyed' && (await isThere(vault, owner, id))) {
        found({ owner, id, says: keys === 'key-missing' ? 'key missing' : 'key destroyed' })
      }
    }
    totals.owners++
    totals.objects += objects
    hear.finished({ owner, objects, done: at + 1, total: owners.length })
  }
  return totals
}

async function isThere(vault: Pick<Vault, 'list'>, owner: string, id: string): Promise<boolean> {
  for await (const object of vault.list(owner)) if (object.id === id) return true
  return false
}
