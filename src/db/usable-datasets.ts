import { type Result, refuse } from '../domain/result.ts'
import type { Trx } from './run-events.ts'

/**
 * Keeps datasets as they are until the transaction ends, so that nothing is added to one while it is deleted, or while
 * records are removed from it. Call it before anything of theirs is written.
 * @returns why they cannot be used now; undefined when they can
 */
export async function obstacleToUse(
  trx: Trx,
  datasetIds: readonly string[],
): Promise<Result<never> | undefined> {
  const ids = [...new Set(datasetIds)]
  const rows = await trx
    .selectFrom('datasets')
    .select(['status', 'deletionId'])
    .where('id', 'in', ['', ...ids])
    .orderBy('id')
    .forShare()
    .execute()
  if (rows.length < ids.length || rows.some(({ status }) => status === 'deleting')) {
    return refuse('not-found', 'There is no such dataset (any more).')
  }
  return rows.some(({ deletionId }) => deletionId !== null) ? refuse('conflict', busy) : undefined
}

/** Why a dataset cannot be changed or run while someone's records are removed from it. */
export const busy =
  'Records of someone are being removed from this dataset right now. Wait for the end of that, then try again.'
