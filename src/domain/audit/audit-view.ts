import type { LogRow } from './canonical.ts'

/** An entry with the names of what it names, as far as that still exists. */
export interface AuditRow {
  readonly seq: number
  readonly at: Date
  readonly actor: { readonly id: string; readonly kind: string; readonly name: string | null }
  readonly action: string
  readonly object: {
    readonly type: string
    readonly id: string
    readonly name: string | null
    /** Its page; null where there is none, or no longer. */
    readonly href: string | null
  }
  readonly outcome: string
  readonly requestId: string
  /** The client's; null when it was not kept, or is kept no longer. */
  readonly address: string | null
}

/** How an entry is proven to be in the log: the hashes that lead from it to a signed root. */
export interface EntryProof {
  /** Hex, from the leaf up, and on which side of what is proven so far each stands. */
  readonly path: readonly { readonly side: 'left' | 'right'; readonly hash: string }[]
  readonly root: string
  readonly size: number
  readonly signedAt: Date
  /** The signed note, as the verifier reads it. */
  readonly checkpoint: string
}

/** `waiting`: no checkpoint covers it yet. `broken`: it does not lead to the signed root, or rows are gone. */
export type ProofState =
  | { readonly kind: 'proven'; readonly proof: EntryProof }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'broken' }

export interface EntryView {
  readonly entry: LogRow
  /** The text whose hash the leaf is. */
  readonly canonical: string
  readonly isLeafRight: boolean
  readonly proof: ProofState
  /** Pairs for people; null once the details were removed. */
  readonly details: readonly (readonly [name: string, value: string])[] | null
  /** When they were removed, where that is known. */
  readonly detailsRemovedAt: Date | null
  /** All entries of the same request. */
  readonly receipt: readonly AuditRow[]
}

export interface Review {
  readonly throughSeq: number
  readonly by: string
  readonly at: Date
}

/** So often somebody looks through the log. */
const reviewEveryDays = 7

export const isReviewDue = (last: Pick<Review, 'at'> | undefined, now: Date): boolean =>
  last === undefined || now.getTime() - last.at.getTime() > reviewEveryDays * 86_400_000
