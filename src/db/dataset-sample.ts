import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { choosable, type ReadFirstRecords } from '../domain/datasets/first-records.ts'
import type { DatasetView } from '../domain/datasets/summaries.ts'
import { SourceRefused } from '../domain/formats/source-refused.ts'
import { VaultError } from '../domain/vault/vault.ts'
import { recordAudit } from './audit-outbox.ts'
import type { StoredDataset } from './dataset-views.ts'
import type { Database } from './schema.ts'

/** The n-th of the first records as uploaded and as a conversation, and the field names of the first one. */
export async function readSample(
  deps: { readonly db: Kysely<Database>; readonly readFirstRecords: ReadFirstRecords },
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
  const { layout } = file.detection
  const object = { owner: dataset.summary.id, id: file.objectId, kind: 'source' } as const
  try {
    return await deps.readFirstRecords({ object, layout, mapping: dataset.mapping, index })
  } catch (error) {
    const columns = layout.format === 'csv' ? choosable(layout.columns) : []
    // It does not open, or holds nothing that can be shown: its page has to say so.
    if (error instanceof VaultError && error.failure !== 'sealed') return { sample: 'damaged', columns }
    if (error instanceof SourceRefused) return { sample: { unread: error.message }, columns }
    throw error
  }
}
