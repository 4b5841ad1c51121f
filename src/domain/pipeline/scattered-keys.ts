import { readRecords } from '../formats/read-records.ts'
import { ScatteredKeys } from '../formats/scattered-keys.ts'
import type { SourceBytes } from '../formats/source.ts'
import type { SourceInput } from './shard.ts'

/**
 * Whether a table of one row an utterance has keys that return after their group ended. It is read through once
 * before it is cut: a group must not be exported in two halves, and a shard once cut is never taken back.
 */
export async function hasScatteredKeys(source: SourceBytes, input: SourceInput): Promise<boolean> {
  if (input.mapping.shape !== 'rows') return false
  try {
    for await (const _batch of readRecords(source, input.layout, input.mapping, {}));
    return false
  } catch (error) {
    if (error instanceof ScatteredKeys) return true
    throw error
  }
}
