import { type Kysely, sql } from 'kysely'
import { newId } from '../domain/ids.ts'
import type { Runs } from '../domain/pipeline/request-run.ts'
import { selectChecks } from '../domain/quality/registry.ts'
import { ok, refuse } from '../domain/result.ts'
import type { SendShard } from './add-shards.ts'
import { recordAudit } from './audit-outbox.ts'
import { countRepairs, isCountedAlike, readLineage } from './repairs.ts'
import { addEvent } from './run-events.ts'
import { findRepeated, repeatedElsewhere } from './run-requests.ts'
import type { Database } from './schema.ts'
import { obstacleToUse } from './usable-datasets.ts'
import { findInputs, runEntry, writeRun } from './write-run.ts'

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
      if (!written) return (await findRepeated(db, caller, request)) ?? repeatedElsewhere
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
        await recordAudit(trx, caller, runEntry('run.cancel', runId, {}))
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
        await recordAudit(trx, caller, runEntry('run.resume', runId, {}))
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
