import type { Kysely } from 'kysely'
import type { RunObjects } from '../domain/pipeline/ingest.ts'
import type { Manifest } from '../domain/pipeline/manifest.ts'
import type { RepairRef } from '../domain/pipeline/repairs.ts'
import type { RunConfiguration } from '../domain/pipeline/run.ts'
import type { IndexedShard } from '../domain/pipeline/settle-quality.ts'
import type { PlannedExport, ShardOfRecords } from '../domain/pipeline/write-exports.ts'
import { readLedger } from './advance-run.ts'
import { readLineage, readRepairRefs } from './repairs.ts'
import type { Database } from './schema.ts'

/** What every shard of a run shares. */
export async function readRunSettings(
  db: Kysely<Database>,
  runId: string,
): Promise<{ configuration: RunConfiguration; objects: RunObjects }> {
  const run = await db
    .selectFrom('runs')
    .select(['configuration', 'keyOwner'])
    .where('id', '=', runId)
    .executeTakeFirstOrThrow()
  return { configuration: run.configuration, objects: { keyOwner: run.keyOwner, prefix: runId } }
}

/** What was repaired in the runs this one goes on from: of the sources, or of one stretch of one of them. */
export async function readRepairsFor(
  db: Kysely<Database>,
  { parentRunId, createdAt }: { readonly parentRunId: string | null; readonly createdAt: Date },
  stretch: { readonly datasetId: string; readonly from: number; readonly to: number },
): Promise<RepairRef[]> {
  if (parentRunId === null) return []
  const lineage = await readLineage(db, parentRunId)
  return readRepairRefs(db, lineage, stretch.datasetId, stretch.from, stretch.to, createdAt)
}

/** The objects that came out of the last of the record stages, in shard order. */
export async function readProcessedShards(
  db: Kysely<Database>,
  runId: string,
): Promise<(ShardOfRecords & IndexedShard)[]> {
  const { configuration } = await readRunSettings(db, runId)
  const stage = configuration.mode === 'sequential' ? 'processing' : 'standardization'
  const rows = await db
    .selectFrom('shards')
    .select(['task', 'result'])
    .where('runId', '=', runId)
    .where('stage', '=', stage)
    .orderBy('index')
    .execute()
  return rows.flatMap(({ task, result }) =>
    task.kind === 'records' && result?.objectId !== undefined
      ? [
          {
            objectId: result.objectId,
            records: result.records,
            datasetId: task.datasetId,
            fileId: task.fileId,
          },
        ]
      : [],
  )
}

/** Everything the export needs: decisions, files to write, and what the manifest says beside their checksums. */
export async function readExportPlan(
  db: Kysely<Database>,
  runId: string,
): Promise<{ decisionsObjectId: string; planned: PlannedExport[]; manifest: Omit<Manifest, 'exports'> }> {
  const quality = await db
    .selectFrom('shards')
    .select('result')
    .where('runId', '=', runId)
    .where('stage', '=', 'quality')
    .executeTakeFirstOrThrow()
  const decisionsObjectId = quality.result?.objectId
  if (decisionsObjectId === undefined) throw new Error('export before quality')
  const planned = await db
    .selectFrom('runExports')
    .select(['id', 'path', 'target', 'format'])
    .where('runId', '=', runId)
    .orderBy('position')
    .execute()
  const sources = await db
    .selectFrom('runInputs')
    .innerJoin('datasetFiles', 'datasetFiles.datasetId', 'runInputs.datasetId')
    .select(['datasetFiles.path', 'datasetFiles.bytes', 'datasetFiles.sha256'])
    .where('runId', '=', runId)
    .orderBy('runInputs.position')
    .orderBy('datasetFiles.position')
    .execute()
  const { configuration } = await readRunSettings(db, runId)
  const ledger = await readLedger(db, runId)
  const sum = (pick: (row: (typeof ledger)[number]) => number) =>
    ledger.reduce((total, row) => total + pick(row), 0)
  return {
    decisionsObjectId,
    planned: planned.map(({ id, ...plan }) => ({ exportId: id, ...plan })),
    manifest: {
      configuration,
      sources,
      ledger: {
        in: ledger[0]?.in ?? 0,
        out: ledger.find((row) => row.stage === 'quality')?.out ?? 0,
        quarantined: sum((row) => row.quarantined),
        rejected: sum((row) => row.rejected),
        duplicate: sum((row) => row.duplicate),
      },
    },
  }
}
