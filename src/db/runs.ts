import { type Kysely, sql, type Transaction } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { newId } from '../domain/ids.ts'
import type { RunRequest, Runs } from '../domain/pipeline/request-run.ts'
import { RunConfiguration, type Stage, stages } from '../domain/pipeline/run.ts'
import { type ShardTask, type SourceInput, startOfIngestion } from '../domain/pipeline/shard.ts'
import { selectChecks } from '../domain/quality/registry.ts'
import { ok, refuse } from '../domain/result.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

export type Trx = Transaction<Database>

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
      const runId = newId('run', clock().getTime(), random(10))
      const keyOwner = request.datasetIds.length === 1 ? (request.datasetIds[0] ?? runId) : runId
      // Before the row: a run whose row exists always has a key to write with.
      if (keyOwner === runId) await deps.createKey(runId)
      await db.transaction().execute((trx) => writeRun(trx, deps, caller, request, found, runId, keyOwner))
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
        const row = await trx
          .updateTable('runs')
          .set({ status: 'running', finishedAt: null, problem: null, version: sql`version + 1` })
          .where('id', '=', runId)
          .where('status', 'in', ['failed', 'cancelled'])
          .returning('id')
          .executeTakeFirst()
        if (!row) return false
        await trx
          .updateTable('shards')
          .set({ status: 'queued', failures: 0, workerId: null, notBefore: null })
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
      if (!resumed) return refuse('conflict', 'Only a failed or cancelled run can be resumed.')
      deps.changed(runId)
      return ok(undefined)
    },
  }
}

const entry = (action: string, runId: string, details: Record<string, string | number>) =>
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
): Promise<void> {
  const now = deps.clock()
  const configuration = RunConfiguration.parse(request.configuration)
  await trx
    .insertInto('runs')
    .values({
      id: runId,
      ownerId: caller.actor.id,
      status: 'queued',
      configuration: JSON.stringify(configuration),
      keyOwner,
      sourceBytes: found.bytes,
      createdAt: now,
    })
    .execute()
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
  await addEvent(trx, runId, now, 'started', `Started in ${configuration.mode} mode`)
  await recordAudit(
    trx,
    caller,
    entry('run.start', runId, { mode: configuration.mode, datasets: request.datasetIds.length }),
  )
  await deps.send(trx, runId)
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

export async function addEvent(
  trx: Trx,
  runId: string,
  at: Date,
  kind: string,
  message: string,
): Promise<void> {
  await trx.insertInto('runEvents').values({ runId, at, kind, message }).execute()
}
