import { type ObjectKind, type Vault, VaultError } from './vault.ts'

/** An object that no row names yet may belong to work that goes on, for as long as this. */
const leaseMinutes = 60

/** What was written before this moment is older than the lease. */
export const leaseStart = (now: Date): Date => new Date(now.getTime() - leaseMinutes * 60_000)

/** A row that names an object. */
export interface Reference {
  readonly id: string
  readonly kind: ObjectKind
  readonly table: string
  /** Plaintext length, where the row tells it. */
  readonly bytes?: number
}

/** A dataset or run whose key the vault must hold. */
export interface KnownOwner {
  readonly id: string
  /** The dataset, or one the run goes over: its key and objects may be gone before its rows. */
  readonly isBeingDeleted: boolean
}

/** What the tables know of objects. Every answer is read afresh, and page by page. */
export interface SweepTables {
  owners(): AsyncIterable<KnownOwner>
  owner(id: string): Promise<KnownOwner | undefined>
  references(owner: string): AsyncIterable<Reference>
  /** Attempts at work under a key whose result would still be taken; one that ended never returns. */
  attempts(owner: string): Promise<readonly string[]>
}

export interface SweepTotals {
  objects: number
  /** Objects that no row names: the young and the held ones stay, the others were swept (or would be). */
  unreferenced: number
  young: number
  /** Left for the next time: an attempt at work may be about to name one of them. */
  held: number
  swept: number
  /** Half-written files older than the lease that were swept (or would be). */
  temporary: number
}

export const nothingSwept = (): SweepTotals => ({
  objects: 0,
  unreferenced: 0,
  young: 0,
  held: 0,
  swept: 0,
  temporary: 0,
})

/** Keeps a sweep from hogging disk and event loop, and ends it: either may throw when its process stops. */
export interface Pace {
  /** Called for every object and every row that is looked at. */
  step(): Promise<void>
  /** A moment's rest, in which attempts at work may end. */
  rest(): Promise<void>
}

interface Sweep {
  readonly vault: Vault
  readonly tables: SweepTables
  readonly sweepBefore: Date
  readonly dryRun: boolean
  readonly totals: SweepTotals
  readonly pace: Pace
}

/**
 * Sweeps what no row names and what was left half written, both older than the lease, without comparing anything else:
 * the part of the check that a running portal does by itself. Owners that are being deleted, or whose key does not open,
 * are left to the check.
 * @param swept told of each object that went
 */
export async function sweepVault(
  ports: { readonly vault: Vault; readonly tables: SweepTables; readonly pace: Pace },
  now: Date,
  swept: (owner: string, id: string) => void = () => {},
): Promise<SweepTotals> {
  const { vault, tables, pace } = ports
  const totals = nothingSwept()
  const sweep = { ...ports, sweepBefore: leaseStart(now), dryRun: false, totals }
  for await (const { id, isBeingDeleted } of tables.owners()) {
    await pace.step()
    if (isBeingDeleted || (await keyFailure(vault, id)) !== undefined) continue
    await sweepUnnamed(sweep, id, (object) => swept(id, object))
  }
  totals.temporary = await vault.sweepTemporary(sweep.sweepBefore, () => pace.step())
  return totals
}

/** Rests before objects are left for the next time. */
const mostRests = 40

/**
 * Removes the objects no row names, unless they are young.
 *
 * A row may come to name an old object late in two ways. An attempt names what it wrote when it ends, and an export may
 * write for longer than the lease. And an attempt takes over a kept result: it reads the row of the result, which names
 * the object, and commits a row of its own; the first may go in between, with the intermediates of its run. So the tables
 * are looked at twice, and between the looks every attempt that was at work after the first must have ended, by a commit
 * that the second sees or by one that is refused. Whatever else writes an object names it within the lease.
 */
export async function sweepUnnamed(
  { vault, tables, totals, dryRun, sweepBefore, pace }: Sweep,
  owner: string,
  swept: (id: string) => void,
): Promise<void> {
  const unnamed = new Map<string, Date>()
  for await (const { id, storedAt } of vault.list(owner)) {
    await pace.step()
    unnamed.set(id, storedAt)
  }
  totals.objects += unnamed.size
  const look = async () => {
    for await (const { id } of tables.references(owner)) {
      await pace.step()
      unnamed.delete(id)
    }
  }
  if (unnamed.size > 0) await look()
  if (unnamed.size === 0) return
  const isOld = (storedAt: Date) => storedAt < sweepBefore
  const areOver = [...unnamed.values()].some(isOld) && (await haveEnded(tables, owner, pace))
  await look()
  totals.unreferenced += unnamed.size
  for (const [id, storedAt] of unnamed) {
    if (!isOld(storedAt)) totals.young++
    else if (!areOver) totals.held++
    else {
      await pace.step()
      // The kind is not part of where it lies.
      if (!dryRun) await vault.remove({ owner, id, kind: 'shard' })
      totals.swept++
      swept(id)
    }
  }
}

/** Waits for the attempts that are at work now, not for those that begin meanwhile. */
async function haveEnded(tables: SweepTables, owner: string, pace: Pace): Promise<boolean> {
  let left = await tables.attempts(owner)
  for (let rests = 0; left.length > 0; rests++) {
    if (rests === mostRests) return false
    await pace.rest()
    const now = new Set(await tables.attempts(owner))
    left = left.filter((attempt) => now.has(attempt))
  }
  return true
}

/** Why the owner's objects cannot be looked at; undefined when they can. */
export async function keyFailure(vault: Vault, owner: string): Promise<string | undefined> {
  try {
    await vault.deriveKey(owner, 'consistency')
    return undefined
  } catch (error) {
    if (error instanceof VaultError) return error.failure
    // A key file that is cut is no JSON any more.
    if (error instanceof SyntaxError) return 'damaged'
    throw error
  }
}
