import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Action } from '../domain/audit/actions.ts'
import type { Caller } from '../domain/audit/entry.ts'
import { newId } from '../domain/ids.ts'
import type { RunRequest, Runs } from '../domain/pipeline/request-run.ts'
import { RunConfiguration, type Stage, stages } from '../domain/pipeline/run.ts'
import { type ShardTask, type SourceInput, startOfIngestion } from '../domain/pipeline/shard.ts'
import { selectChecks } from '../domain/quality/registry.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { recordAudit } from './audit-outbox.ts'
import { countRepairs, isCountedAlike, readLineage } from './repairs.ts'
import { addEvent, type Trx } from './run-events.ts'
import type { Database } from './schema.ts'
import { obstacleToUse } from './usable-datasets.ts'

/** Puts a hint on the queue inside a transaction: "look, this run has work". It may come twice, late or never. */
export type SendShard = (trx: Trx, runId: string, afterSeconds?: number) => Promise<void>

export interface RunStoreDeps {
  readonly db: Kysely<Database>
  readonly send: SendShard
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
  /** Makes the key of a run over several datasets. */
  readonly createKey: (owner: string) => Promise<void>
  readonly changed: (runId: string) => void
}

/** Starting, cancelling and resuming runs; each is one transaction with its audit entry and its first job. */
export function runStore(deps: RunStoreDeps): Runs {
  const { db, clock, random } = deps
  return {
    async start(caller, request) {
      const checks = selectChecks(request.configuration.checks)
      if (!checks.ok) return checks
      const found = await findInputs(db, request)
      if (found.missing !== undefined) {
        return refuse('not-found', `There is no dataset ${found.missing} with files to run.`)
      }
      const { parentRunId } = request
      if (parentRunId !== undefined && !(await mayGoOn(db, parentRunId)))
        return refuse('conflict', otherRecords)
      const repeated = await findRepeated(db, caller, request)
      if (repeated !== undefined) return repeated
      const runId = newId('run', clock().getTime(), random(10))
      const keyOwner = request.datasetIds.length === 1 ? (request.datasetIds[0] ?? runId) : runId
      // Before the row: a run whose row exists always has a key to write with.
      if (keyOwner === runId) await deps.createKey(runId)
      const written = await db.transaction().execute(async (trx) => {
        const obstacle = await obstacleToUse(trx, request.datasetIds)
        return obstacle ?? (await writeRun(trx, deps, caller, request, found, runId, keyOwner))
      })
      if (typeof written !== 'boolean') return written
      // The same request came twice at once, and the other was first.
      if (!written) return (await findRepeated(db, caller, request)) ?? refuse('conflict', repeatedElsewhere)
      deps.changed(runId)
      return ok(runId)
    },

    async cancel(caller, runId) {
      const cancelled = await db.transaction().execute(async (trx) => {
        const row = await trx
          .updateTable('runs')
          .set({ status: 'cancelled', finishedAt: clock(), version: sql`version + 1` })
          .where('id', '=', runId)
          .where('status', 'in', ['queued', 'running'])
          .returning('id')
          .executeTakeFirst()
        if (!row) return false
        await trx
          .updateTable('runStages')
          .set({ status: 'cancelled' })
          .where('runId', '=', runId)
          .where('status', 'in', ['queued', 'running'])
          .execute()
        await addEvent(trx, runId, clock(), 'cancelled', 'Cancelled; what was done is kept for a resume')
        await recordAudit(trx, caller, entry('run.cancel', runId, {}))
        return true
      })
      if (!cancelled) return refuse('conflict', 'This run has already ended, so there is nothing to cancel.')
      deps.changed(runId)
      return ok(undefined)
    },

    async resume(caller, runId) {
      const resumed = await db.transaction().execute(async (trx) => {
        const inputs = await trx
          .selectFrom('runInputs')
          .select('datasetId')
          .where('runId', '=', runId)
          .execute()
        const obstacle = await obstacleToUse(
          trx,
          inputs.map(({ datasetId }) => datasetId),
        )
        if (obstacle !== undefined) return obstacle
        const row = await trx
          .updateTable('runs')
          .set({ status: 'queued', finishedAt: null, problem: null, version: sql`version + 1` })
          .where('id', '=', runId)
          .where('status', 'in', ['failed', 'cancelled'])
          .where('staleAt', 'is', null)
          .returning('id')
          .executeTakeFirst()
        if (!row) return false
        await trx
          .updateTable('shards')
          .set({ status: 'queued', failures: 0, losses: 0, workerId: null, notBefore: null })
          .where('runId', '=', runId)
          .where('status', 'in', ['failed', 'working'])
          .execute()
        await trx
          .updateTable('runStages')
          .set({
            status: sql`case when started_at is null then 'queued' else 'running' end`,
            finishedAt: null,
          })
          .where('runId', '=', runId)
          .where('status', 'in', ['failed', 'cancelled'])
          .execute()
        await addEvent(trx, runId, clock(), 'resumed', 'Resumed where it stopped')
        await recordAudit(trx, caller, entry('run.resume', runId, {}))
        await deps.send(trx, runId)
        return true
      })
      if (typeof resumed !== 'boolean') return resumed
      if (!resumed) return refuse('conflict', notResumable)
      deps.changed(runId)
      return ok(undefined)
    },
  }
}

const notResumable =
  'Only a failed or cancelled run can be resumed, and only while its sources are the same. If records were removed from them since, run it again.'

const otherRecords =
  'The mapping was changed since, so that rows make up other records: the repairs would meet the wrong ones. Change it back, or run the dataset without the repairs.'

/** Whether repairs made under a run and those before it still meet the records they were made of. */
async function mayGoOn(db: Kysely<Database>, parentRunId: string): Promise<boolean> {
  for (const id of await readLineage(db, parentRunId)) {
    if ((await countRepairs(db, id)) > 0 && !(await isCountedAlike(db, id))) return false
  }
  return true
}

const repeatedElsewhere =
  'This Idempotency-Key was used for another request. Send a new key for a new run, or repeat the first request unchanged.'

/** What a key stands for: the same key with another request is a mistake of the caller. */
const hashOf = ({ datasetIds, configuration, parentRunId, priority }: RunRequest): string =>
  createHash('sha256')
    .update(
      JSON.stringify([datasetIds, RunConfiguration.parse(configuration), parentRunId ?? null, priority ?? 0]),
    )
    .digest('hex')

/** The answer a request with this key got before; undefined when it is new. */
async function findRepeated(
  db: Kysely<Database>,
  caller: Caller,
  request: RunRequest,
): Promise<Result<string> | undefined> {
  const before = await findStarted(db, caller, request.idempotencyKey)
  if (before === undefined) return undefined
  return before.idempotencyHash === hashOf(request) ? ok(before.id) : refuse('conflict', repeatedElsewhere)
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

const entry = (action: Action, runId: string, details: Record<string, string | number>) =>
  ({ action, objectType: 'run', objectId: runId, outcome: 'allowed', details }) as const

interface FoundInputs {
  readonly missing: string | undefined
  readonly inputs: SourceInput[]
  readonly bytes: number
}

async function findInputs(db: Kysely<Database>, request: RunRequest): Promise<FoundInputs> {
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

async function writeRun(
  trx: Trx,
  deps: RunStoreDeps,
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
      idempotencyHash: request.idempotencyKey === undefined ? null : hashOf(request),
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
      [...files, { target: 'manifest', format: 'json', path: 'manifest.json' }].map((file, position) => ({
        id: newId('exp', now.getTime(), deps.random(10)),
        runId,
        position,
        ...file,
      })),
    )
    .execute()
  const task = { kind: 'ingestion', inputs: found.inputs, checkpoint: startOfIngestion } as const
  await addShards(trx, runId, 'ingestion', [{ index: 0, task }])
  const from = request.parentRunId === undefined ? '' : `, goes on from ${request.parentRunId}`
  await addEvent(trx, runId, now, 'queued', `Accepted, ${configuration.mode} mode${from}`)
  await recordAudit(
    trx,
    caller,
    entry('run.start', runId, { mode: configuration.mode, datasets: request.datasetIds.length }),
  )
  await deps.send(trx, runId)
  return true
}

/** Adds shards to be worked; their records enter the stage when they are done. */
export async function addShards(
  trx: Trx,
  runId: string,
  stage: Stage,
  shards: readonly { readonly index: number; readonly task: ShardTask; readonly records?: number }[],
): Promise<void> {
  for (let start = 0; start < shards.length; start += 1_000) {
    const rows = shards.slice(start, start + 1_000).map(({ index, task, records = 0 }) => ({
      runId,
      stage,
      index,
      status: 'queued' as const,
      task: JSON.stringify(task),
      recordsIn: records,
    }))
    await trx.insertInto('shards').values(rows).execute()
  }
}
