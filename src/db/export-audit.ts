import type { Kysely } from 'kysely'
import type { Outcome } from '../domain/audit/actions.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

/**
 * Records that the exports of a run were written, or were refused to its owner, with whose rights jobs act. No request
 * asked for it at that moment: the run's id stands in its place.
 */
export async function recordExports(
  trx: Pick<Kysely<Database>, 'selectFrom' | 'insertInto'>,
  runId: string,
  outcome: Outcome,
): Promise<void> {
  const { ownerId, files } = await trx
    .selectFrom('runs')
    .leftJoin('runExports', 'runExports.runId', 'runs.id')
    .select((of) => ['runs.ownerId', of.fn.count<number>('runExports.id').as('files')])
    .where('runs.id', '=', runId)
    .groupBy('runs.id')
    .executeTakeFirstOrThrow()
  await recordAudit(
    trx,
    { actor: { id: ownerId, kind: 'user' }, requestId: runId },
    { action: 'export.make', objectType: 'run', objectId: runId, outcome, details: { files } },
  )
}
