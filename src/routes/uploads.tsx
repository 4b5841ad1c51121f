import { Hono } from 'hono'
import { z } from 'zod'
import { findDataset } from '../db/dataset-views.ts'
import { receivePorts } from '../db/receive-ports.ts'
import { isSure } from '../domain/datasets/detection.ts'
import { type ReceivedFile, receiveFile } from '../domain/datasets/receive-file.ts'
import { RunConfiguration } from '../domain/pipeline/run.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { UploadPage } from '../views/datasets/upload-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { readMultipart } from './multipart.ts'
import { answerProblem, statusOf } from './problem.tsx'

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

/** Uploads: the page, one file at a time for the script, and the whole form for browsers without it. */
export function uploadRoutes(deps: AppDeps) {
  const { db, runs, log, clock, config } = deps
  const ports = receivePorts({ ...deps, maxBytes: config.maxUploadBytes })
  const page = (c: AppContext, problems: { message: string }[] = []) =>
    c.html(
      <UploadPage {...frameOf(c)} maxBytes={config.maxUploadBytes} problems={problems} />,
      problems.length === 0 ? 200 : 422,
    )

  return new Hono<AppEnv>()
    .get('/new', (c) => page(c))
    .post('/files', async (c) => {
      const { name, dataset, run, last } = FileQuery.parse(c.req.query())
      const form = await readMultipart(c, (file) =>
        receiveFile(
          ports,
          c.var.caller,
          {
            name: name || file.name,
            fileName: file.name,
            bytes: file.bytes,
            ...(dataset === undefined ? {} : { datasetId: dataset }),
          },
          deps.closing,
        ),
      )
      const received: Result<ReceivedFile> =
        form?.taken[0] ?? refuse('invalid', 'No file came with the request. Choose one and upload it again.')
      if (!received.ok) {
        return c.json({ message: received.problem.message }, statusOf[received.problem.kind])
      }
      const file = received.value
      const started = run && last ? await startIfSure(c, file.datasetId) : undefined
      const runId = started?.ok ? started.value : undefined
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
      const started = await startIfSure(c, c.req.param('id'))
      return started.ok
        ? c.json({ runId: started.value, location: `/runs/${started.value}` }, 201)
        : answerProblem(c, started.problem)
    })
    .post('/', async (c) => {
      let shared: string | undefined
      const form = await readMultipart(c, async (file, fields): Promise<Result<ReceivedFile>> => {
        const together = fields.get('together') === 'yes'
        const received = await receiveFile(
          ports,
          c.var.caller,
          {
            name: fields.get('name')?.trim() || file.name,
            fileName: file.name,
            bytes: file.bytes,
            ...(together && shared !== undefined ? { datasetId: shared } : {}),
          },
          deps.closing,
        )
        if (received.ok) shared ??= received.value.datasetId
        return received.ok
          ? ok(received.value)
          : refuse(received.problem.kind, `${file.name}: ${received.problem.message}`)
      })
      const results = form?.taken ?? []
      const refused = results.flatMap((result) => (result.ok ? [] : [{ message: result.problem.message }]))
      const kept = results.flatMap((result) => (result.ok ? [result.value] : []))
      const [first] = kept
      if (refused.length > 0 || first === undefined) {
        return page(c, refused.length > 0 ? refused : [{ message: 'Choose at least one file.' }])
      }
      const made = new Set(kept.map((file) => file.datasetId))
      const place = made.size === 1 ? `/datasets/${first.datasetId}` : '/datasets'
      if (form?.fields.get('run') !== '1') return c.redirect(place, 303)
      const started: Result<string>[] = []
      for (const datasetId of made) started.push(await startIfSure(c, datasetId))
      const [run] = started
      if (made.size === 1 && run?.ok) return c.redirect(`/runs/${run.value}`, 303)
      return c.redirect(started.every(({ ok }) => ok) ? place : `${place}?notice=not-run`, 303)
    })

  /** *Run when uploaded*, unless what was detected wants a person's look first. */
  async function startIfSure(c: AppContext, datasetId: string): Promise<Result<string>> {
    const dataset = await findDataset(db, c.var.user, datasetId)
    if (!dataset) return refuse('not-found', 'There is no such dataset (any more).')
    if (!isSure(dataset)) {
      return refuse('conflict', 'No run was started: look at the mapping first, then press Run.')
    }
    const started = await runs.start(c.var.caller, {
      datasetIds: [datasetId],
      configuration: RunConfiguration.parse({}),
    })
    if (!started.ok) log.warn({ at: clock(), datasetId }, 'a run did not start')
    return started
  }
}
