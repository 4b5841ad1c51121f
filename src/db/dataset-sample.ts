import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { standardize } from '../domain/conversations/standardize.ts'
import type { Mapping } from '../domain/datasets/mapping.ts'
import type { DatasetView } from '../domain/datasets/summaries.ts'
import { readRecords } from '../domain/formats/read-records.ts'
import { ScatteredKeys } from '../domain/formats/scattered-keys.ts'
import type { Layout, RawRecord, UnreadableRecord } from '../domain/formats/source.ts'
import { isJsonObject } from '../domain/json.ts'
import { type Vault, VaultError } from '../domain/vault/vault.ts'
import { recordAudit } from './audit-outbox.ts'
import type { StoredDataset } from './dataset-views.ts'
import type { Database } from './schema.ts'

const samples = 20
/** A page shows this much of a record's JSON. */
const rawLimit = 20_000

/** The n-th of the first records as uploaded and as a conversation, and the field names of the first one. */
export async function readSample(
  deps: { readonly db: Kysely<Database>; readonly vault: Vault },
  caller: Caller,
  dataset: StoredDataset,
  index: number,
): Promise<Pick<DatasetView, 'sample' | 'columns'>> {
  const [file] = dataset.files
  if (!file?.detection || dataset.mapping === null) return { sample: null, columns: [] }
  // Before a byte leaves: whoever looks at record text is on record.
  await recordAudit(deps.db, caller, {
    action: 'dataset.read',
    objectType: 'dataset',
    objectId: dataset.summary.id,
    outcome: 'allowed',
    details: { record: index },
  })
  const { mapping } = dataset
  const { layout } = file.detection
  const found = await firstRecords(deps.vault, dataset.summary.id, file.objectId, layout, mapping)
  if (found === 'damaged') return { sample: found, columns: layout.format === 'csv' ? layout.columns : [] }
  const readable = found.find((record) => 'value' in record)
  const value = readable && 'value' in readable ? readable.value : null
  const first = Array.isArray(value) ? value[0] : value
  const columns =
    layout.format === 'csv' ? layout.columns : isJsonObject(first ?? null) ? Object.keys(first ?? {}) : []
  const of = Math.min(found.length, samples)
  const at = Math.min(Math.max(1, index), Math.max(1, of))
  const record = found[at - 1]
  if (!record) return { sample: null, columns }
  const made = 'reason' in record ? record.reason : standardize(record.value, mapping)
  const text = 'reason' in record ? '' : JSON.stringify(record.value, null, 2)
  const { line, byteOffset, units } = record.position
  return {
    columns,
    sample: {
      index: at,
      of,
      line,
      byteOffset,
      units,
      raw: text.slice(0, rawLimit),
      rawCut: text.length > rawLimit,
      conversation: typeof made === 'string' ? null : made,
      reason: typeof made === 'string' ? made : null,
    },
  }
}

/** What comes first in a source; `damaged`: it does not open, and its page has to say so. */
async function firstRecords(
  vault: Vault,
  owner: string,
  id: string,
  layout: Layout,
  mapping: Mapping,
): Promise<readonly (RawRecord | UnreadableRecord)[] | 'damaged'> {
  const found: (RawRecord | UnreadableRecord)[] = []
  try {
    const source = await vault.open({ owner, id, kind: 'source' })
    try {
      for await (const batch of readRecords(source, layout, mapping, {})) {
        found.push(...batch.records)
        if (found.length >= samples) break
      }
    } finally {
      await source.close()
    }
  } catch (error) {
    if (error instanceof VaultError && error.failure !== 'sealed') return 'damaged'
    // Its groups are scattered: those seen so far are shown, a run gathers them all.
    if (!(error instanceof ScatteredKeys)) throw error
  }
  return found
}
