import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import type { RunRequest } from '../domain/pipeline/request-run.ts'
import { RunConfiguration } from '../domain/pipeline/run.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import type { Database } from './schema.ts'

export const repeatedElsewhere = refuse(
  'conflict',
  'This Idempotency-Key was used for another request. Send a new key for a new run, or repeat the first request unchanged.',
)

/** What a key stands for: the same key with another request is a mistake of the caller. */
export const requestHash = ({ datasetIds, configuration, parentRunId, priority }: RunRequest): string =>
  createHash('sha256')
    .update(
      JSON.stringify([datasetIds, RunConfiguration.parse(configuration), parentRunId ?? null, priority ?? 0]),
    )
    .digest('hex')

/** The answer a request with this key got before; undefined when it is new. */
export async function findRepeated(
  db: Kysely<Database>,
  caller: Caller,
  request: RunRequest,
): Promise<Result<string> | undefined> {
  const before = await findStarted(db, caller, request.idempotencyKey)
  if (before === undefined) return undefined
  return before.idempotencyHash === requestHash(request) ? ok(before.id) : repeatedElsewhere
}

/** The run that a request of this caller with this key started before. */
export async function findStarted(
  db: Kysely<Database>,
  caller: Caller,
  idempotencyKey: string | undefined,
): Promise<{ readonly id: string; readonly idempotencyHash: string | null } | undefined> {
  if (idempotencyKey === undefined) return undefined
  return db
    .selectFrom('runs')
    .select(['id', 'idempotencyHash'])
    .where('ownerId', '=', caller.actor.id)
    .where('idempotencyKey', '=', idempotencyKey)
    .executeTakeFirst()
}

/** What a run was asked to do: to be asked again. */
export async function readRequest(
  db: Kysely<Database>,
  runId: string,
): Promise<Pick<RunRequest, 'datasetIds' | 'configuration'>> {
  const { configuration } = await db
    .selectFrom('runs')
    .select('configuration')
    .where('id', '=', runId)
    .executeTakeFirstOrThrow()
  const inputs = await db
    .selectFrom('runInputs')
    .select('datasetId')
    .where('runId', '=', runId)
    .orderBy('position')
    .execute()
  return { datasetIds: inputs.map((input) => input.datasetId), configuration }
}
