import type { Kysely } from 'kysely'
import type { RecordsOutcome } from '../domain/pipeline/outcome.ts'
import { CachedOutcome } from '../domain/pipeline/stage-cache.ts'
import type { Claim } from './claim-shard.ts'
import type { Database } from './schema.ts'

/** A stored result under the same key of the same owner; undefined when there is none. */
export async function findResult(
  db: Kysely<Database>,
  { keyOwner }: Pick<Claim, 'keyOwner'>,
  key: string,
): Promise<{ readonly runId: string; readonly outcome: RecordsOutcome } | undefined> {
  const row = await db
    .selectFrom('shardResults')
    .select(['runId', 'outcome'])
    .where('keyOwner', '=', keyOwner)
    .where('cacheKey', '=', key)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { objectId, sha256, ...books } = CachedOutcome.parse(row.outcome)
  return { runId: row.runId, outcome: { ...books, objectId, sha256 } }
}

/** A result as it is kept for later runs. It goes with the intermediates of the last run that names its object, or with its dataset. */
export interface KeptResult {
  readonly keyOwner: string
  readonly cacheKey: string
  readonly outcome: string
}

/** Ids, counts and positions of an outcome, under its name. */
export function keptResult(
  { keyOwner }: Pick<Claim, 'keyOwner'>,
  cacheKey: string,
  outcome: RecordsOutcome,
): KeptResult {
  const { objectId, sha256, counts, quarantined, scoreSum, scoreCount, findings } = outcome
  const kept = CachedOutcome.parse({
    ...(objectId === undefined ? {} : { objectId }),
    ...(sha256 === undefined ? {} : { sha256 }),
    counts,
    quarantined,
    scoreSum,
    scoreCount,
    findings,
  })
  return { keyOwner, cacheKey, outcome: JSON.stringify(kept) }
}
