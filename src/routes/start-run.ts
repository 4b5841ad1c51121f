import { z } from 'zod'
import { findStarted } from '../db/run-requests.ts'
import type { RunRequest } from '../domain/pipeline/request-run.ts'
import { RunConfiguration } from '../domain/pipeline/run.ts'
import { checks } from '../domain/quality/registry.ts'
import type { FormProblem } from '../views/components/error-summary.tsx'
import type { AppContext, AppDeps } from './app-context.ts'
import { formOf, isForm } from './frame/readable-form.ts'
import { isJson } from './media-types.ts'
import { refuseNamed } from './named-datasets.ts'
import { answerProblem, answerStatus, wantsPage } from './problem.tsx'

/** What a request asks a run to do; fields that did not come are not there. */
export type AskedStart =
  | (Pick<RunRequest, 'datasetIds' | 'priority' | 'idempotencyKey'> & {
      readonly ok: true
      readonly configuration?: RunConfiguration
    })
  | {
      readonly ok: false
      readonly problems: readonly [FormProblem, ...FormProblem[]]
      readonly datasetIds: readonly string[]
      /** As far as it could be read, to be shown again. */
      readonly configuration?: RunConfiguration
      readonly priority?: number
    }

const IdempotencyKey = z.string().regex(/^[\x20-\x7e]{1,200}$/)
const Priority = z.number().int().min(-10).max(10)
const JsonStart = z.strictObject({
  configuration: RunConfiguration.optional(),
  priority: Priority.optional(),
})
/** What starts a run over several datasets names them; elsewhere the address does. */
const JsonStartOver = JsonStart.extend({ datasetIds: z.array(z.string()) })
/** The same configuration with what cannot be read left at its default. */
const Legible = RunConfiguration.extend({
  mode: RunConfiguration.shape.mode.catch('adaptive'),
  threshold: RunConfiguration.shape.threshold.catch(0.7),
  redact: RunConfiguration.shape.redact.catch([]),
  targets: RunConfiguration.shape.targets.catch([]),
  formats: RunConfiguration.shape.formats.catch([]),
})

const otherType = {
  kind: 'unsupported',
  message: 'Send what the run is to do as application/json, or as a form.',
} as const

/** A key for a form: sent twice, it starts one run. */
export const newKey = (random: AppDeps['random']): string => random(16).toString('hex')

/** The header `Idempotency-Key`: undefined when it did not come, a refusal when it is none. */
export async function readKey(c: AppContext, given?: string): Promise<string | undefined | Response> {
  const key = c.req.header('Idempotency-Key') ?? given
  if (key !== undefined && !IdempotencyKey.safeParse(key).success) return answerStatus(c, 400, badKey)
  return key
}

/**
 * Reads form or JSON; the header `Idempotency-Key` wins over the form's hidden field.
 * @param names 'datasets' where the request itself names them: a form as repeated `dataset`, JSON as `datasetIds`
 */
export async function readStart(c: AppContext, names?: 'datasets'): Promise<AskedStart | Response> {
  const type = c.req.header('Content-Type')
  // Passed over, what it asks for would be left out, and a run started as usual.
  if (type !== undefined && !isForm(type) && !isJson(type)) return answerProblem(c, otherType)
  const form = await formOf(c)
  const hidden = form.get('idempotencyKey')
  const key = await readKey(c, typeof hidden === 'string' && hidden !== '' ? hidden : undefined)
  if (key instanceof Response) return key
  const keyed = key === undefined ? {} : { idempotencyKey: key }
  if (isJson(type)) {
    const sent: unknown = await c.req.json().catch(() => undefined)
    const named = names === undefined ? undefined : JsonStartOver.safeParse(sent)
    const body = named ?? JsonStart.safeParse(sent)
    if (!body.success) return { ok: false, problems: problemsOf(body.error), datasetIds: [] }
    const { configuration, priority } = body.data
    return {
      ok: true,
      datasetIds: named?.data?.datasetIds ?? [],
      ...(configuration === undefined ? {} : { configuration }),
      ...(priority === undefined ? {} : { priority }),
      ...keyed,
    }
  }
  const datasetIds = form.getAll('dataset').filter((value) => typeof value === 'string')
  const given = formConfiguration(form)
  const configuration = given === undefined ? undefined : RunConfiguration.safeParse(given)
  const text = form.get('priority')
  const priority = text === null ? undefined : Priority.safeParse(Number(text))
  const [first, ...others] = [
    ...(configuration?.error === undefined ? [] : problemsOf(configuration.error)),
    ...(priority?.error === undefined ? [] : [{ field: 'priority', message: sentences.priority }]),
  ]
  if (first !== undefined) {
    const readable = Legible.safeParse(given)
    return {
      ok: false,
      problems: [first, ...others],
      datasetIds,
      ...(readable.success ? { configuration: readable.data } : {}),
      ...(priority?.data === undefined ? {} : { priority: priority.data }),
    }
  }
  return {
    ok: true,
    datasetIds,
    ...(configuration?.data === undefined ? {} : { configuration: configuration.data }),
    ...(priority?.data === undefined ? {} : { priority: priority.data }),
    ...keyed,
  }
}

/** Starts it and leads there; JSON says whether the run is new (201) or was there already (200). */
export async function answerStart(
  c: AppContext,
  { db, runs }: Pick<AppDeps, 'db' | 'runs'>,
  request: RunRequest,
): Promise<Response> {
  // The path of a request names at most one dataset or run; every dataset has to be one that may be run.
  const refused = await refuseNamed(c, { db }, 'run.start', request.datasetIds)
  if (refused !== undefined) return refused
  const wantsJson = !wantsPage(c) && (c.req.header('Accept') ?? '').includes('application/json')
  const before = wantsJson ? await findStarted(db, c.var.caller, request.idempotencyKey) : undefined
  const started = await runs.start(c.var.caller, request)
  if (!started.ok) return answerProblem(c, started.problem)
  const location = `/runs/${started.value}`
  if (!wantsJson) return c.redirect(location, 303)
  c.header('Location', location)
  return c.json({ runId: started.value, location }, before === undefined ? 201 : 200)
}

const badKey = 'The Idempotency-Key is to be 1 to 200 printable ASCII characters. Send another one.'

const sentences = {
  threshold: 'The threshold is a number from 0 to 1.',
  targets: 'Choose at least one template to export to.',
  formats: 'Choose at least one file format to export to.',
  priority: 'The priority is a whole number from −10 to 10.',
  datasetIds: 'Name the datasets to run: “datasetIds” is a list of their ids.',
} as const

function problemsOf(error: z.ZodError): [FormProblem, ...FormProblem[]] {
  const problems = error.issues.map(({ path }) => {
    const field = String(path.find((part) => part !== 'configuration') ?? '')
    const message = Object.entries(sentences).find(([name]) => name === field)?.[1]
    return {
      message: message ?? `${field === '' ? 'The request' : field}: choose one of what is offered.`,
      ...(field === '' ? {} : { field }),
    }
  })
  const [first, ...others] = problems
  return [first ?? { message: 'The request could not be read.' }, ...others]
}

const formFields = ['mode', 'threshold', 'checks', 'redact', 'targets', 'formats']

/** What a form says of the configuration, unchecked; undefined when it says nothing. */
function formConfiguration(form: FormData) {
  if (!formFields.some((name) => form.has(name))) return undefined
  const all = (name: string) => form.getAll(name).filter((value) => typeof value === 'string')
  const chosen = all('checks')
  return {
    mode: form.get('mode') ?? undefined,
    threshold: Number(form.get('threshold') ?? 0.7),
    checks: chosen.length === 0 ? 'none' : chosen.length === checks.length ? 'all' : chosen,
    redact: all('redact'),
    targets: all('targets'),
    formats: all('formats'),
  }
}
