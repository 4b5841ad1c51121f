import type { Result } from '../result.ts'
import type { KeyName } from './keys.ts'

/** Why nothing can be read or written: `exposed` is a master key that others on the machine can read. */
export type SealReason = 'missing' | 'wrong' | 'unreadable' | 'exposed'

export interface Sealed {
  readonly reason: SealReason
  /** What happened and what to do, with the path. */
  readonly message: string
}

export interface MasterKeyState {
  readonly version: number
  readonly createdAt: Date
  /** Keys of datasets and runs that are wrapped under it. */
  readonly keys: number
  /** The newest, under which new keys are wrapped. */
  readonly isCurrent: boolean
}

/** Everything about the keys but the keys themselves. */
export interface KeyState {
  /** Undefined: the vault is open. */
  readonly sealed: Sealed | undefined
  /** Oldest first. */
  readonly masterKeys: readonly MasterKeyState[]
  /** Wrapped keys that could not be parsed. */
  readonly damagedKeys: readonly string[]
  /** When the oldest key of a dataset or run was made. */
  readonly oldestKeyAt: Date | undefined
  /** Keys on the list of destroyed keys. */
  readonly destroyed: number
  /** Destroyed keys that had come back, from a backup, and were destroyed again when this process opened the vault. */
  readonly destroyedAgain: readonly KeyName[]
}

export interface RotationStep {
  readonly key: KeyName
  readonly done: number
  readonly total: number
}

export interface Rotation {
  readonly masterVersion: number
  /** False: it went on with a rotation that was interrupted. */
  readonly isNew: boolean
  readonly rewrapped: number
  /** Versions that nothing needs any more; `retire` removes them. */
  readonly unneeded: readonly number[]
  /** Wrapped keys that do not open under any version: they were left as they are. */
  readonly damaged: readonly KeyName[]
}

/** What a look at one stored object found; `gone`: removed meanwhile. */
export type Verification = 'whole' | 'damaged' | 'key-destroyed' | 'gone'

/** What administration does with the keys, besides the vault's daily work. */
export interface KeyKeeper {
  /** Never throws because of the keys: a sealed vault says so here. */
  keyState(): Promise<KeyState>
  /**
   * Re-wraps every key under a new version of the master key, or goes on where an interrupted rotation stopped. The
   * vault stays in use; both versions open until the end. May be killed at any moment and called again.
   * @param step told after each key is durably re-wrapped
   */
  rotate(step?: (step: RotationStep) => void): Promise<Result<Rotation>>
  /** Removes an old version of the master key; refused while anything needs it. */
  retire(masterVersion: number): Promise<Result<void>>
  /** Makes a further version of the owner's key: what is written from now on is sealed under it. */
  addKeyVersion(owner: string): Promise<number>
  /** The versions of the owner's key that are not destroyed, oldest first. */
  keyVersions(owner: string): Promise<number[]>
  /** Under which version of its owner's key an object is sealed. @throws VaultError `missing`, `damaged` */
  keyVersionOf(owner: string, id: string): Promise<number>
  /** Destroys one version of the owner's key, durably and remembered, then removes the objects under it. */
  destroyKeyVersion(key: KeyName): Promise<void>
  /** Ids of whoever has keys or objects, sorted. */
  ownerIds(): Promise<string[]>
  /** Reads one object to its last byte and authenticates all of it, whatever its kind. */
  verify(owner: string, id: string): Promise<Verification>
  /** Whether each of the owner's keys opens; `key-missing`: there is none, and nobody destroyed it. */
  verifyKeys(owner: string): Promise<'whole' | 'damaged' | 'key-destroyed' | 'key-missing'>
}
