import { Hono } from 'hono'
import { z } from 'zod'
import { receivePorts } from '../db/receive-ports.ts'
import { confidentFrom } from '../domain/datasets/detection.ts'
import { type ReceivedFile, receiveFile } from '../domain/datasets/receive-file.ts'
import { RunConfiguration } from '../domain/pipeline/run.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { UploadPage } from '../views/datasets/upload-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { readMultipart } from './multipart.ts'
import { statusOf } from './problem.tsx'

const FileQuery = z.object({
  // Cut to a name's length where it is stored.
  name: z.string().trim().optional(),
  dataset: z
    .string()
    .regex(/^ds_[0-9a-f]{32}$/)
    .optional()
    .catch(undefined),
  run: z.literal('1').optional().catch(undefined),
  last: z.literal('1').optional().catch(undefined),
})

/** Uploads: the page, one file at a time for the script, and the whole form for browsers without it. */
export function uploadRoutes(deps: AppDeps) {
  const { clock, config } = deps
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
      const runId = run && last ? await startIfSure(deps, c, [file]) : undefined
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
      if (form?.fields.get('run') !== '1') {
        return c.redirect(kept.length === 1 ? `/datasets/${first.datasetId}` : '/datasets', 303)
      }
      const started: string[] = []
      for (const datasetId of new Set(kept.map((file) => file.datasetId))) {
        const own = kept.filter((file) => file.datasetId === datasetId)
        const runId = await startIfSure(deps, c, own)
        if (runId !== undefined) started.push(runId)
      }
      const only = started.length === 1 ? started[0] : undefined
      return c.redirect(only === undefined ? '/datasets' : `/runs/${only}`, 303)
    })

  /** *Run when uploaded*, unless what was detected wants a person's look first. */
  async function startIfSure(
    { runs }: AppDeps,
    c: AppContext,
    files: readonly ReceivedFile[],
  ): Promise<string | undefined> {
    const [first] = files
    if (first === undefined || files.some((file) => file.detection.confidence < confidentFrom))
      return undefined
    const started = await runs.start(c.var.caller, {
      datasetIds: [first.datasetId],
      configuration: RunConfiguration.parse({}),
    })
    if (!started.ok) deps.log.warn({ at: clock(), datasetId: first.datasetId }, 'a run did not start')
    return started.ok ? started.value : undefined
  }
}
