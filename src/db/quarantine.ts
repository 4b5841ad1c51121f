import type { Kysely } from 'kysely'
import { type Stage, stages } from '../domain/pipeline/run.ts'
import type { Page, QuarantineReason, QuarantineRow } from '../domain/pipeline/run-view.ts'
import type { Database } from './schema.ts'

const pageSize = 50

/** A page of quarantined records with their positions. */
export async function listQuarantine(
  db: Kysely<Database>,
  runId: string,
  filter: { readonly stage?: Stage; readonly reason?: string },
  page: number,
): Promise<Page<QuarantineRow>> {
  const matching = db
    .selectFrom('quarantine')
    .innerJoin('datasetFiles', 'datasetFiles.id', 'quarantine.fileId')
    .where('runId', '=', runId)
    .$if(filter.stage !== undefined, (query) => query.where('stage', '=', filter.stage ?? stages[0]))
    .$if(filter.reason !== undefined, (query) => query.where('reason', '=', filter.reason ?? ''))
  const { total } = await matching
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  const rows = await matching
    .select(['stage', 'reason', 'path', 'line', 'byteOffset', 'ordinal', 'quarantine.datasetId'])
    .orderBy('quarantine.datasetId')
    .orderBy('ordinal')
    .limit(pageSize)
    .offset((page - 1) * pageSize)
    .execute()
  return {
    page,
    size: pageSize,
    total,
    rows: rows.map(({ path, datasetId, ordinal, ...row }) => ({
      ...row,
      id: `${datasetId}-${ordinal}`,
      file: path,
      ordinal: ordinal + 1,
    })),
  }
}

/** Why records of a run are in quarantine, most frequent first, with the first position of each reason. */
export async function readReasons(db: Kysely<Database>, runId: string): Promise<QuarantineReason[]> {
  const rows = await db
    .selectFrom('quarantine')
    .select((eb) => [
      'stage',
      'reason',
      eb.fn.countAll<number>().as('count'),
      eb.fn.min('ordinal').as('ordinal'),
      eb.fn.min('line').as('line'),
    ])
    .where('runId', '=', runId)
    .groupBy(['stage', 'reason'])
    .orderBy('count', 'desc')
    .orderBy('reason')
    .execute()
  return rows.map(({ stage, reason, count, ordinal, line }) => ({
    stage,
    reason,
    count,
    first: { line, ordinal: Number(ordinal) + 1 },
  }))
}
