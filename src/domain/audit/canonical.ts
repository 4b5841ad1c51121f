import { hash } from 'node:crypto'

/** One line of the log, hashes in hex. `docs/audit-format.md` says what each column is. */
export interface LogRow {
  /** Dense, from 1. */
  readonly seq: number
  /** When it happened: UTC, microseconds, `2026-11-21T11:31:45.000000Z`. */
  readonly at: string
  readonly actorId: string
  readonly actorKind: string
  readonly action: string
  readonly objectType: string
  readonly objectId: string
  readonly outcome: string
  readonly requestId: string
  /** SHA-256 of salt and details. */
  readonly commitment: string
  readonly leaf: string
  readonly chain: string
  /** Both null once the details were deleted: what was committed to stays in the log, what it said does not. */
  readonly salt: string | null
  readonly details: string | null
}

/** Of RFC 6962 section 2.1: nothing that hashes as a leaf can pass for a node. */
const leafPrefix = Buffer.from([0])

export const sha256 = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer')

/** What the first chain hash is made over, in place of a predecessor. */
export const chainStart: Buffer = Buffer.alloc(32)

/** What is bound by the log. JSON.stringify of strings and safe integers is RFC 8785; the keys are in its order. */
export function canonicalBytes(row: Omit<LogRow, 'leaf' | 'chain' | 'salt' | 'details'>): Buffer {
  const { action, actorId, actorKind, at, commitment, objectId, objectType, outcome, requestId, seq } = row
  return Buffer.from(
    JSON.stringify({
      action,
      actorId,
      actorKind,
      at,
      commitment,
      objectId,
      objectType,
      outcome,
      requestId,
      seq,
      v: 1,
    }),
  )
}

export const leafHash = (bytes: Uint8Array): Buffer => sha256(Buffer.concat([leafPrefix, bytes]))

export const chainHash = (previous: Uint8Array, leaf: Uint8Array): Buffer =>
  sha256(Buffer.concat([previous, leaf]))

/** @param salt hex */
export const commitmentOf = (salt: string, details: string): Buffer =>
  sha256(Buffer.concat([Buffer.from(salt, 'hex'), Buffer.from(details)]))
