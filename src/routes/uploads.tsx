import { Hono } from 'hono'
import { z } from 'zod'
import { findDataset } from '../db/dataset-views.ts'
import { findLiveRun } from '../db/live-run.ts'
import { receivePorts } from '../db/receive-ports.ts'
import { findStarted } from '../db/run-requests.ts'
import { seesEverything } from '../domain/datasets/access.ts'
import { isSure } from '../domain/datasets/detection.ts'
import { fileNameOf, type ReceivedFile, receiveFile } from '../domain/datasets/receive-file.ts'
import { RunConfiguration } from '../domain/pipeline/run.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { type KeptFile, UploadPage } from '../views/datasets/upload-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { mostFiles, readMultipart } from './multipart.ts'
import { refusedDataset } from './named-datasets.ts'
import { answerProblem, statusOf } from './problem.tsx'
import { readKey } from './start-run.ts'

const FileQuery = z.object({
  // Cut to a name's length where it is stored.
  name: z.string().trim().optional(),
  dataset: z
    .string()
    .regex(/^ds_[0-9a-f]{32}$/)
    .optional()
    // No dataset's id: what is malformed is refused like what is unknown, instead of becoming a new dataset.
    .catch('malformed'),
  run: z.literal('1').optional().catch(undefined),
  last: z.literal('1').optional().catch(undefined),
})

const tooMany = `The form held more than ${mostFiles} files: those after the first ${mostFiles} were not taken. Upload them again, without those that are listed.`

/** Uploads: the page, one file at a time for the script, and the whole form for browsers without it. */
export function uploadRoutes(deps: AppDeps) {
  const { db, runs, log, clock, config } = deps
  const ports = receivePorts({ ...deps, maxBytes: config.maxUploadBytes })
  const page = (c: AppContext, problems: { message: string }[] = [], kept: KeptFile[] = []) =>
    c.html(
      <UploadPage {...frameOf(c)} maxBytes={config.maxUploadBytes} problems={problems} kept={kept} />,
      problems.length === 0 ? 200 : 422,
    )
  /** The last start asked for each dataset: the next one looks only when it is done, and so can tell new from old. */
  const starting = new Map<string, Promise<unknown>>()

  return new Hono<AppEnv>()
    .get('/new', (c) => page(c))
    .post('/files', async (c) => {
      const { name, dataset, run, last } = FileQuery.parse(c.req.query())
      const form = await readMultipart(c, (file) =>
        receiveFile(
          ports,
          c.var.caller,
          {
            name: name || fileNameOf(file.name),
            fileName: file.name,
            bytes: awake(c, file.bytes),
            stillAllowed: c.var.stillAllowed,
            ...(dataset === undefined ? {} : { datasetId: dataset }),
          },
          deps.closing,
        ),
      )
      const received: Result<ReceivedFile> =
        form?.taken[0] ?? refuse('invalid', 'No file came with the request. Choose one and upload it again.')
      if (!received.ok) {
        // Whoever sees everything may have come too late; of others it is not said whether there is one.
        if (dataset !== undefined && received.problem.kind === 'not-found' && !seesEverything(c.var.user)) {
          refusedDataset(c, dataset)
        }
        return c.json({ message: received.problem.message }, statusOf[received.problem.kind])
      }
      const file = received.value
      const started = run && last ? await startIfSure(c, file.datasetId) : undefined
      const runId = started?.ok ? started.value.runId : undefined
      return c.json(
        {
          datasetId: file.datasetId,
          fileId: file.fileId,
          name: file.name,
          bytes: file.bytes,
          sha256: file.sha256,
          shape: file.detection.shapeName,
          confidence: file.detection.confidence,
          ...(runId === undefined ? {} : { runId }),
          location: runId === undefined ? `/datasets/${file.datasetId}` : `/runs/${runId}`,
        },
        201,
      )
    })
    .post('/:id/unattended-run', async (c) => {
      // The script asks once all files of a dataset that were going to arrive have arrived.
      const key = await readKey(c)
      if (key instanceof Response) return key
      const started = await startIfSure(c, c.req.param('id'), key)
      if (!started.ok) return answerProblem(c, started.problem)
      const { runId, isNew } = started.value
      return c.json({ runId, location: `/runs/${runId}` }, isNew ? 201 : 200)
    })
    .post('/', async (c) => {
      let shared: string | undefined
      const form = await readMultipart(c, async (file, fields): Promise<Result<NamedFile>> => {
        const together = fields.get('together') === 'yes'
        const received = await receiveFile(
          ports,
          c.var.caller,
          {
            name: fields.get('name')?.trim() || fileNameOf(file.name),
            fileName: file.name,
            bytes: awake(c, file.bytes),
            stillAllowed: c.var.stillAllowed,
            ...(together && shared !== undefined ? { datasetId: shared } : {}),
          },
          deps.closing,
        )
        if (received.ok) shared ??= received.value.datasetId
        return received.ok
          ? ok({ ...received.value, fileName: file.name })
          : refuse(received.problem.kind, `${file.name}: ${received.problem.message}`)
      })
      const results = form?.taken ?? []
      const lost = results.find((result) => !result.ok && result.problem.kind === 'forbidden')
      if (lost?.ok === false) return answerProblem(c, lost.problem)
      const refused = results.flatMap((result) => (result.ok ? [] : [{ message: result.problem.message }]))
      if (form?.hadMore) refused.push({ message: tooMany })
      const kept = results.flatMap((result) => (result.ok ? [result.value] : []))
      const [first] = kept
      if (first === undefined) {
        return page(c, refused.length > 0 ? refused : [{ message: 'Choose at least one file.' }])
      }
      const wantsRun = form?.fields.get('run') === '1'
      const begun = new Map<string, Result<StartedRun>>()
      for (const { datasetId } of wantsRun ? kept : []) {
        if (!begun.has(datasetId)) begun.set(datasetId, await startIfSure(c, datasetId))
      }
      if (refused.length > 0) {
        return page(
          c,
          refused,
          kept.map(({ datasetId, fileName, name }) => {
            const run = begun.get(datasetId)
            const outcome = run === undefined ? {} : run.ok ? run.value : { notRun: run.problem.message }
            return { datasetId, fileName, datasetName: name, ...outcome }
          }),
        )
      }
      const made = new Set(kept.map(({ datasetId }) => datasetId))
      const place = made.size === 1 ? `/datasets/${first.datasetId}` : '/datasets'
      const run = begun.get(first.datasetId)
      if (made.size === 1 && run?.ok) return c.redirect(`/runs/${run.value.runId}`, 303)
      const areAllRun = [...begun.values()].every(({ ok }) => ok)
      return c.redirect(areAllRun ? place : `${place}?notice=not-run`, 303)
    })

  /**
   * *Run when uploaded*; asked twice, also at the same time and of two processes, the second answer is the run of the
   * first.
   * @param given the caller's own key; without one the dataset and its last run make it
   */
  function startIfSure(c: AppContext, datasetId: string, given?: string): Promise<Result<StartedRun>> {
    const before = starting.get(datasetId) ?? Promise.resolve()
    const mine = before.catch(() => {}).then(() => lookAndStart(c, datasetId, given))
    starting.set(datasetId, mine)
    const forget = () => {
      if (starting.get(datasetId) === mine) starting.delete(datasetId)
    }
    mine.then(forget, forget)
    return mine
  }

  /** Starts a run unless what was detected wants a person's look first, or one with all its files is under way. */
  async function lookAndStart(
    c: AppContext,
    datasetId: string,
    given: string | undefined,
  ): Promise<Result<StartedRun>> {
    const dataset = await findDataset(db, c.var.user, datasetId)
    if (!dataset) return refuse('not-found', 'There is no such dataset (any more).')
    if (!isSure(dataset)) {
      return refuse('conflict', 'No run was started: look at the mapping first, then press Run.')
    }
    const configuration = RunConfiguration.parse({})
    // Another process that looks at the same moment sees the same last run: of one key the database starts one run.
    const key = given ?? `unattended ${datasetId} after ${dataset.summary.lastRun?.id ?? 'none'}`
    const before = await findStarted(db, c.var.caller, key)
    const live =
      before === undefined ? await findLiveRun(db, c.var.user, datasetId, configuration) : undefined
    if (live !== undefined) return ok({ runId: live, isNew: false })
    const request = { datasetIds: [datasetId], configuration, idempotencyKey: key }
    const started = await runs.start(c.var.caller, request)
    if (!started.ok) {
      log.warn({ at: clock(), datasetId }, 'a run did not start')
      return started
    }
    return ok({ runId: started.value, isNew: before === undefined })
  }
}

/** The same bytes; while they come, the session of whoever sends them does not end by itself. */
async function* awake(c: AppContext, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    await c.var.stayAwake()
    yield chunk
  }
}

interface NamedFile extends ReceivedFile {
  /** As the browser called it; `name` is its dataset's. */
  readonly fileName: string
}

interface StartedRun {
  readonly runId: string
  /** False when a run was already under way. */
  readonly isNew: boolean
}
