import type { SourceBytes } from '../formats/source.ts'

export const objectKinds = ['source', 'shard', 'index', 'decision', 'export', 'canary'] as const
export type ObjectKind = (typeof objectKinds)[number]

/** Names one encrypted object; all three are bound into its encryption as additional data. */
export interface ObjectName {
  /** Whose key: a dataset id, or a run id for a run over several datasets. */
  readonly owner: string
  /** e.g. `file_018f…` or `run_018f…/processing/000012.1`: letters, digits, `_ - . /`, no `..`. */
  readonly id: string
  readonly kind: ObjectKind
}

export interface StoredObject {
  /** Plaintext length and SHA-256 (hex) of the plaintext. */
  readonly bytes: number
  readonly sha256: string
}

/** Why the vault would not answer; `sealed`: no or the wrong master key. */
export const vaultFailures = ['sealed', 'missing', 'damaged', 'key-destroyed'] as const
export type VaultFailure = (typeof vaultFailures)[number]

export class VaultError extends Error {
  readonly failure: VaultFailure
  constructor(failure: VaultFailure, message: string) {
    super(message)
    this.name = 'VaultError'
    this.failure = failure
  }
}

export interface Vault {
  /** Makes the owner's random key, wrapped by the master key, durable before it returns. Existing: kept. */
  createKey(owner: string): Promise<void>
  /** Crypto-shreds: destroys the key (durably, and remembered in the list of destroyed keys), then removes its objects. */
  destroyKey(owner: string): Promise<void>
  /** 32 bytes bound to the owner's key and a purpose (HKDF-Expand-SHA-384), for keyed hashes that leave the vault. */
  deriveKey(owner: string, purpose: string): Promise<Uint8Array>
  /**
   * Streams plaintext into an object: temporary name → fsync → rename → fsync directory. Never overwrites.
   * Aborting the signal, or an error of the source, leaves nothing behind.
   */
  write(name: ObjectName, plaintext: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<StoredObject>
  /** The same for bytes already in memory (shards). */
  writeBytes(name: ObjectName, plaintext: Uint8Array): Promise<StoredObject>
  /** Random access to the plaintext; no byte of a segment before its tag was verified. */
  open(name: ObjectName): Promise<SourceBytes & { close(): Promise<void> }>
  readBytes(name: ObjectName): Promise<Uint8Array>
  remove(name: ObjectName): Promise<void>
  /** Every stored object, for fsck and the sweeper; temporary leftovers are removed by `sweepTemporary`. */
  list(owner: string): AsyncIterable<{ id: string; storedBytes: number; storedAt: Date }>
  /**
   * @param writtenBefore spares what was written to since: another process may be at it
   * @param step called for every file that is looked at, to pace or to end the sweep
   */
  sweepTemporary(writtenBefore?: Date, step?: () => Promise<void>): Promise<number>
}

/** A vault that can be looked through as a whole. */
export interface VaultInventory extends Vault {
  /** Whoever has a key or objects; `writtenAt` is when key, objects or half-written objects last changed. */
  owners(): AsyncIterable<{ id: string; hasKey: boolean; objects: number; writtenAt: Date }>
  /** What `sweepTemporary` would remove. */
  countTemporary(writtenBefore: Date): Promise<number>
}
