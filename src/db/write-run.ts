import type { Kysely } from 'kysely'
import type { Action } from '../domain/audit/actions.ts'
import type { Caller } from '../domain/audit/entry.ts'
import { newId } from '../domain/ids.ts'
import type { RunRequest } from '../domain/pipeline/request-run.ts'
import { RunConfiguration, stages } from '../domain/pipeline/run.ts'
import { type SourceInput, startOfIngestion } from '../domain/pipeline/shard.ts'
import { addShards, type SendShard } from './add-shards.ts'
import { recordAudit } from './audit-outbox.ts'
import { addEvent, type Trx } from './run-events.ts'
import { requestHash } from './run-requests.ts'
import type { Database } from './schema.ts'

/** The sources of the datasets asked for, in order; `missing` names one without any. */
export interface FoundInputs {
  readonly missing: string | undefined
  readonly inputs: SourceInput[]
  readonly bytes: number
}

/** Reads which sources a request is about. */
export async function findInputs(db: Kysely<Database>, request: RunRequest): Promise<FoundInputs> {
  const rows = await db
    .selectFrom('datasetFiles')
    .innerJoin('datasets', 'datasets.id', 'datasetFiles.datasetId')
    .select([
      'datasetFiles.id',
      'datasetFiles.datasetId',
      'datasetFiles.objectId',
      'datasetFiles.bytes',
      'datasetFiles.sha256',
      'datasetFiles.detection',
      'datasets.mapping',
    ])
    .where('datasets.id', 'in', [...request.datasetIds, ''])
    .where('datasets.status', '=', 'ready')
    .orderBy('datasetFiles.position')
    .execute()
  const inputs = request.datasetIds.flatMap((datasetId) =>
    rows
      .filter((row) => row.datasetId === datasetId)
      .map((row) => ({
        datasetId,
        fileId: row.id,
        objectId: row.objectId,
        bytes: row.bytes,
        sha256: row.sha256,
        layout: row.detection.layout,
        mapping: row.mapping ?? row.detection.mapping,
      })),
  )
  const missing =
    request.datasetIds.length === 0
      ? '(none given)'
      : request.datasetIds.find((id) => !inputs.some((input) => input.datasetId === id))
  return { missing, inputs, bytes: inputs.reduce((sum, input) => sum + input.bytes, 0) }
}

/**
 * Writes a run with its inputs, stages, exports, audit entry and first shard, and sends the first hint.
 * @returns false when the caller's key was used before
 */
export async function writeRun(
  trx: Trx,
  deps: {
    readonly send: SendShard
    readonly clock: () => Date
    readonly random: (bytes: number) => Uint8Array
  },
  caller: Caller,
  request: RunRequest,
  found: FoundInputs,
  runId: string,
  keyOwner: string,
): Promise<boolean> {
  const now = deps.clock()
  const configuration = RunConfiguration.parse(request.configuration)
  const inserted = await trx
    .insertInto('runs')
    .values({
      id: runId,
      ownerId: caller.actor.id,
      status: 'queued',
      configuration: JSON.stringify(configuration),
      keyOwner,
      sourceBytes: found.bytes,
      parentRunId: request.parentRunId ?? null,
      priority: request.priority ?? 0,
      idempotencyKey: request.idempotencyKey ?? null,
      idempotencyHash: request.idempotencyKey === undefined ? null : requestHash(request),
      createdAt: now,
    })
    .onConflict((conflict) =>
      conflict.columns(['ownerId', 'idempotencyKey']).where('idempotencyKey', 'is not', null).doNothing(),
    )
    .returning('id')
    .executeTakeFirst()
  if (inserted === undefined) return false
  await trx
    .insertInto('runInputs')
    .values(request.datasetIds.map((datasetId, position) => ({ runId, datasetId, position })))
    .execute()
  await trx
    .insertInto('runStages')
    .values(stages.map((stage, position) => ({ runId, stage, position, status: 'queued' as const })))
    .execute()
  const files = configuration.targets.flatMap((target) =>
    configuration.formats.map((format) => ({ target, format, path: `${target}.${format}` })),
  )
  await trx
    .insertInto('runExports')
    .values(
      [...files, { target: 'manifest', format: 'json', path: 'manifest.json' } as const].map(
        (file, position) => ({
          id: newId('exp', now.getTime(), deps.random(10)),
          runId,
          position,
          ...file,
        }),
      ),
    )
    .execute()
  const task = { kind: 'ingestion', inputs: found.inputs, checkpoint: startOfIngestion } as const
  await addShards(trx, runId, 'ingestion', [{ index: 0, task }])
  const from = request.parentRunId === undefined ? '' : `, goes on from ${request.parentRunId}`
  await addEvent(trx, runId, now, 'queued', `Accepted, ${configuration.mode} mode${from}`)
  await recordAudit(
    trx,
    caller,
    runEntry('run.start', runId, { mode: configuration.mode, datasets: request.datasetIds.length }),
  )
  await deps.send(trx, runId)
  return true
}

/** The audit entry of something that was done to a run. */
export const runEntry = (action: Action, runId: string, details: Record<string, string | number>) =>
  ({ action, objectType: 'run', objectId: runId, outcome: 'allowed', details }) as const
