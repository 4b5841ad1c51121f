import type { Vault } from '../vault/vault.ts'
import { FingerprintSet, partOf } from './fingerprint-set.ts'
import type { RunObjects } from './ingest.ts'
import type { QualityOutcome } from './outcome.ts'
import { type IndexEntry, readIndex } from './record-objects.ts'

/** What quality decided of a record; one byte each, in the order of shards and lines. */
export const decision = { accepted: 0, rejected: 1, duplicate: 2 } as const

/** Fingerprints that are held at once, about 64 MiB; more are compared in several walks over the shards. */
const mostHeld = 2_000_000

/** A shard that left records, and how many. */
export interface IndexedShard {
  readonly objectId: string
  readonly records: number
}

/**
 * Settles every record: rejects below the threshold, then removes exact duplicates among the accepted; the first
 * (lowest dataset position and ordinal) stays. Records without a score (`checks: none`) pass.
 * @param shards the processing shards in order, without those where nothing came out
 * @param threshold 0 to 1, compared in thousandths
 * @param options.done told after each shard how many records were settled
 * @param options.held fingerprints held at once; only tests give another number
 */
export async function settleQuality(
  vault: Vault,
  { keyOwner, prefix }: RunObjects,
  shards: readonly IndexedShard[],
  threshold: number,
  attempt: number,
  { done = () => {}, held = mostHeld }: { done?: (records: number) => void; held?: number } = {},
): Promise<QualityOutcome> {
  const limit = Math.round(threshold * 1000)
  const records = shards.reduce((sum, shard) => sum + shard.records, 0)
  const parts = Math.max(1, Math.ceil(records / held))
  const totals = { in: 0, out: 0, rejected: 0, duplicate: 0 }

  async function* indexes(): AsyncGenerator<readonly IndexEntry[]> {
    for (const { objectId } of shards) {
      const object = await vault.open({ owner: keyOwner, id: objectId, kind: 'shard' })
      yield await readIndex(object).finally(() => object.close())
    }
  }

  /** Which records repeat another one before them, among those whose fingerprint belongs to a part. */
  async function markDuplicates(part: number, duplicates: Uint8Array): Promise<void> {
    const seen = new FingerprintSet(records / parts)
    let at = 0
    for await (const index of indexes()) {
      for (const { score, fingerprint } of index) {
        const counts = score !== null && score >= limit && partOf(fingerprint, parts) === part
        if (counts && !seen.add(fingerprint)) setBit(duplicates, at)
        at++
      }
      // The walk that settles is the last of them.
      done(Math.round((part * records + at) / (parts + 1)))
    }
  }

  async function* decisions(): AsyncGenerator<Uint8Array> {
    const seen = parts === 1 ? new FingerprintSet(records) : undefined
    const duplicates = new Uint8Array(parts === 1 ? 0 : Math.ceil(records / 8))
    if (parts > 1) for (let part = 0; part < parts; part++) await markDuplicates(part, duplicates)
    for await (const index of indexes()) {
      yield Uint8Array.from(index, ({ score, fingerprint }) => {
        const at = totals.in++
        if (score !== null && score < limit) {
          totals.rejected++
          return decision.rejected
        }
        const repeats =
          score !== null && (seen === undefined ? hasBit(duplicates, at) : !seen.add(fingerprint))
        if (repeats) {
          totals.duplicate++
          return decision.duplicate
        }
        totals.out++
        return decision.accepted
      })
      done(Math.round((totals.in + (parts === 1 ? 0 : parts * records)) / (parts === 1 ? 1 : parts + 1)))
    }
  }

  const objectId = `${prefix}/quality/decisions.${attempt}`
  const { sha256 } = await vault.write({ owner: keyOwner, id: objectId, kind: 'decision' }, decisions())
  return { objectId, sha256, ...totals }
}

const setBit = (bits: Uint8Array, at: number): void => {
  bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7))
}
const hasBit = (bits: Uint8Array, at: number): boolean => ((bits[at >> 3] ?? 0) & (1 << (at & 7))) !== 0
