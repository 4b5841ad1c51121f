import type { SourceBytes } from '../formats/source.ts'
import type { Vault } from '../vault/vault.ts'
import type { ExamineRecord } from './examine-record.ts'
import type { Quarantined } from './outcome.ts'
import { longestProposal, mayPropose } from './propose-repair.ts'
import { bytesAt, type Place, placed, unitAt } from './record-place.ts'
import type { SourceInput } from './shard.ts'

export type PlacedRecord = Place & Pick<Quarantined, 'ordinal' | 'reason'>

/** Whether the records of a source can be repaired many at once: badly written JSON that is found by its byte. */
export const isRepairable = ({ layout }: SourceInput, reason: string): boolean =>
  mayPropose(reason) && layout.encoding === 'utf-8' && layout.format !== 'csv'

/** The proposal for each of many records of one source, in their order; undefined where there is none. */
export async function* proposeRepairs(
  vault: Vault,
  input: SourceInput,
  records: readonly PlacedRecord[],
  examine: ExamineRecord,
): AsyncGenerator<{ readonly ordinal: number; readonly text: string | undefined; readonly bytes: number }> {
  const { datasetId, objectId, layout, mapping } = input
  if (layout.format === 'parquet') return
  const source = await vault.open({ owner: datasetId, id: objectId, kind: 'source' })
  const near = nearReads(source)
  try {
    for (const { ordinal, reason, ...place } of await placed(source, layout, records)) {
      const unit = await unitAt(near, layout, place, false)
      if (unit.byteLength > longestProposal) {
        yield { ordinal, text: undefined, bytes: 0 }
        continue
      }
      const bytes = await bytesAt(near, layout, place.byteOffset, unit.byteLength)
      const text = bytes.toString().replace(/[\r\n]+$/, '')
      const { repaired } = await examine({ text, reason, mapping, wants: 'repair' })
      yield { ordinal, text: repaired, bytes: bytes.length }
    }
  } finally {
    await source.close()
  }
}

/** A stream reads ahead, for which there is no use where one record is wanted; the next one is often close. */
function nearReads(source: SourceBytes): SourceBytes {
  const window = 256 * 1024
  let [from, held] = [0, Buffer.alloc(0)]
  const slice = async (start: number, end: number): Promise<Uint8Array> => {
    if (end - start > window) return source.slice(start, end)
    if (start < from || end > from + held.length) {
      // Copied: the bytes are not ours for longer than this call.
      held = Buffer.from(await source.slice(start, Math.min(start + window, source.size)))
      from = start
    }
    return held.subarray(start - from, end - from)
  }
  return {
    size: source.size,
    slice,
    async *stream(start) {
      const length = 16 * 1024
      for (let at = start; at < source.size; at += length) {
        yield await slice(at, Math.min(at + length, source.size))
      }
    },
  }
}
