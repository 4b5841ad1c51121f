import type { Vault } from '../vault/vault.ts'
import type { RunObjects } from './ingest.ts'
import type { QualityOutcome } from './outcome.ts'
import { readIndex } from './record-objects.ts'

/** What quality decided of a record; one byte each, in the order of shards and lines. */
export const decision = { accepted: 0, rejected: 1, duplicate: 2 } as const

/**
 * Settles every record: rejects below the threshold, then removes exact duplicates among the accepted; the first
 * (lowest dataset position and ordinal) stays. Records without a score (`checks: none`) pass.
 * @param shardObjects the processing shards in order; undefined where nothing came out
 * @param threshold 0 to 1, compared in thousandths
 * @param done told after each shard how many records were settled
 */
export async function settleQuality(
  vault: Vault,
  { keyOwner, prefix }: RunObjects,
  shardObjects: readonly (string | undefined)[],
  threshold: number,
  attempt: number,
  done: (records: number) => void = () => {},
): Promise<QualityOutcome> {
  const limit = Math.round(threshold * 1000)
  const seen = new Set<string>()
  const totals = { in: 0, out: 0, rejected: 0, duplicate: 0 }

  async function* decisions(): AsyncGenerator<Uint8Array> {
    for (const id of shardObjects) {
      if (id === undefined) continue
      const object = await vault.open({ owner: keyOwner, id, kind: 'shard' })
      const index = await readIndex(object).finally(() => object.close())
      yield Uint8Array.from(index, ({ score, fingerprint }) => {
        totals.in++
        if (score === null) {
          totals.out++
          return decision.accepted
        }
        if (score < limit) {
          totals.rejected++
          return decision.rejected
        }
        if (seen.has(fingerprint)) {
          totals.duplicate++
          return decision.duplicate
        }
        seen.add(fingerprint)
        totals.out++
        return decision.accepted
      })
      done(totals.in)
    }
  }

  const objectId = `${prefix}/quality/decisions.${attempt}`
  const { sha256 } = await vault.write({ owner: keyOwner, id: objectId, kind: 'decision' }, decisions())
  return { objectId, sha256, ...totals }
}
