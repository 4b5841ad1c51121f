import { ok, type Result, refuse } from '../domain/result.ts'
import type { KeyState, MasterKeyState, Rotation, RotationStep } from '../domain/vault/key-state.ts'
import type { KeyName } from '../domain/vault/keys.ts'
import { VaultError } from '../domain/vault/vault.ts'
import type { KeyFolder } from './key-folder.ts'
import { currentOf, type MasterKeyRing, SealedVault } from './master-key-files.ts'
import type { FoundKey } from './wrapped-key-files.ts'

/**
 * Re-wraps every key under a new version of the master key. Which version each key has is in its own file, so there is
 * nothing else to remember: whoever calls it after a crash, or beside another, finds what is left to do.
 */
export async function rotateMasterKey(
  keys: KeyFolder,
  step: (step: RotationStep) => void,
): Promise<Result<Rotation>> {
  const target = await chooseTarget(keys)
  if (!target.ok) return target
  const { masterVersion } = target.value
  const damaged = new Map<string, KeyName>()
  let rewrapped = 0
  for (;;) {
    const pending: KeyName[] = []
    for await (const key of keys.wrapped.all()) {
      if (key.wrapped?.masterVersion !== masterVersion && !damaged.has(idOf(key))) pending.push(key)
    }
    // Looked at until there are none: the portal makes keys meanwhile.
    if (pending.length === 0) break
    for (const [at, key] of pending.entries()) {
      // Each time, so that a newer version than ours, by another rotation, is not undone.
      const master = currentOf(await keys.refresh())
      if (master === undefined) throw new Error('an open vault has a noted master key')
      if (master.version !== masterVersion) {
        return refuse(
          'conflict',
          `Another rotation has begun meanwhile, to version ${master.version}. Nothing is lost: it, or the next one, re-wraps what is left.`,
        )
      }
      try {
        if (await keys.rewrap(key, master)) rewrapped++
      } catch (error) {
        if (!(error instanceof VaultError) || error.failure !== 'damaged') throw error
        damaged.set(idOf(key), { owner: key.owner, keyVersion: key.keyVersion })
      }
      step({ key: { owner: key.owner, keyVersion: key.keyVersion }, done: at + 1, total: pending.length })
    }
  }
  const { notes } = await keys.refresh()
  const old = [...notes.keys()].filter((version) => version !== masterVersion)
  return ok({
    ...target.value,
    rewrapped,
    unneeded: damaged.size === 0 ? old : [],
    damaged: [...damaged.values()],
  })
}

/** The version to wrap under: an unfinished rotation's, else the one the operator gave, else a new one. */
async function chooseTarget(
  keys: KeyFolder,
): Promise<Result<{ readonly masterVersion: number; readonly isNew: boolean }>> {
  const { masters } = keys
  const ring = await keys.refresh()
  const current = currentOf(ring)?.version ?? 0
  const waiting = newest(ring)
  if (waiting !== undefined && waiting.version > current) {
    await masters.note(waiting)
    return ok({ masterVersion: waiting.version, isNew: true })
  }
  for await (const { wrapped } of keys.wrapped.all()) {
    if (wrapped !== undefined && wrapped.masterVersion !== current) {
      return ok({ masterVersion: current, isNew: false })
    }
  }
  const next = current + 1
  if (masters.keyFile !== undefined) {
    return refuse(
      'conflict',
      `Everything is wrapped under version ${current}, the newest in ${masters.keyFile}, and that file is yours to change. Add a line for version ${next}, then rotate again: echo "${next} $(head -c 32 /dev/urandom | base64)" >> ${masters.keyFile}`,
    )
  }
  await masters.make(next)
  const made = (await keys.refresh()).keys.get(next)
  if (made === undefined) throw new Error('the new master key is not there')
  await masters.note(made)
  return ok({ masterVersion: next, isNew: true })
}

/** Removes an old version once nothing is wrapped under it. */
export async function retireMasterKey(keys: KeyFolder, version: number): Promise<Result<void>> {
  const { masters } = keys
  const ring = await keys.refresh()
  const current = currentOf(ring)?.version ?? 0
  if (version === current) {
    return refuse('conflict', `Version ${version} is the one in use. Rotate first: npm run vault -- rotate`)
  }
  const note = ring.notes.get(version)
  if ((note === undefined && !ring.keys.has(version)) || version > current) {
    return refuse('not-found', `There is no old version ${version} of the master key.`)
  }
  const before = await neededBy(keys, version)
  if (before > 0) return stillNeeded(version, before)
  if (note !== undefined) await masters.removeNote(version)
  // Once more: a key may have been made under it just now. Whoever makes one from here on finds the note gone and re-wraps.
  const after = await neededBy(keys, version)
  if (after > 0) {
    if (note !== undefined) await masters.putBack(note)
    return stillNeeded(version, after)
  }
  if (masters.keyFile === undefined) await masters.removeKey(version)
  await keys.refresh()
  return ok(undefined)
}

/** How many keys are wrapped under a version; a damaged one may be. */
async function neededBy(keys: KeyFolder, version: number): Promise<number> {
  let count = 0
  for await (const { wrapped } of keys.wrapped.all()) {
    if (wrapped === undefined || wrapped.masterVersion === version) count++
  }
  return count
}

const stillNeeded = (version: number, count: number): Result<never> =>
  refuse(
    'conflict',
    `${count === 1 ? 'One key needs' : `${count} keys need`} version ${version} of the master key, or cannot be read. Rotate first: npm run vault -- rotate`,
  )

/** @param uncounted an owner of the vault's own */
export async function readKeyState(
  keys: KeyFolder,
  uncounted: string,
): Promise<Omit<KeyState, 'destroyedAgain' | 'sealed'>> {
  const notes = await keys.masters.notes().catch((error: unknown) => {
    if (error instanceof SealedVault) return new Map<never, never>()
    throw error
  })
  const counts = new Map<number, number>()
  const damagedKeys: string[] = []
  let oldestKeyAt: Date | undefined
  for await (const { owner, keyVersion, wrapped, madeAt } of keys.wrapped.all()) {
    if (owner === uncounted) continue
    if (wrapped === undefined) damagedKeys.push(`${owner} ${keyVersion}`)
    else counts.set(wrapped.masterVersion, (counts.get(wrapped.masterVersion) ?? 0) + 1)
    if (oldestKeyAt === undefined || madeAt < oldestKeyAt) oldestKeyAt = madeAt
  }
  const current = Math.max(...notes.keys())
  const masterKeys = [...notes.values()]
    .map(
      ({ masterVersion, createdAt }): MasterKeyState => ({
        version: masterVersion,
        createdAt: new Date(createdAt),
        keys: counts.get(masterVersion) ?? 0,
        isCurrent: masterVersion === current,
      }),
    )
    .toSorted((a, b) => a.version - b.version)
  return { masterKeys, damagedKeys, oldestKeyAt, destroyed: (await keys.destroyed.list()).length }
}

const newest = (ring: MasterKeyRing) =>
  [...ring.keys.values()].reduce<FoundMaster | undefined>(
    (best, key) => (best === undefined || key.version > best.version ? key : best),
    undefined,
  )
type FoundMaster = MasterKeyRing['keys'] extends ReadonlyMap<number, infer Key> ? Key : never

const idOf = ({ owner, keyVersion }: KeyName | FoundKey): string => `${owner} ${keyVersion}`
