import { Hono } from 'hono'
import { z } from 'zod'
import { requestDeletion } from '../db/dataset-deletion.ts'
import { setMapping } from '../db/dataset-mapping.ts'
import { readSample } from '../db/dataset-sample.ts'
import { findDataset, listDatasets, type StoredDataset } from '../db/dataset-views.ts'
import { readRetention } from '../db/retention.ts'
import { listRuns } from '../db/run-views.ts'
import { listShares, removeShare, shareStore } from '../db/shares.ts'
import { isSure } from '../domain/datasets/detection.ts'
import { Mapping } from '../domain/datasets/mapping.ts'
import { ShareRequest, shareDataset } from '../domain/datasets/share.ts'
import { RunConfiguration, runStatuses } from '../domain/pipeline/run.ts'
import { checks } from '../domain/quality/registry.ts'
import { refuse } from '../domain/result.ts'
import type { FormProblem } from '../views/components/error-summary.tsx'
import { DatasetPage } from '../views/datasets/dataset-page.tsx'
import { DatasetsPage } from '../views/datasets/datasets-page.tsx'
import { DeletePage } from '../views/datasets/delete-page.tsx'
import {
  MappingPage,
  mappingFieldLabel,
  mappingFieldNames,
  valuesOf,
} from '../views/datasets/mapping-page.tsx'
import { RunFormStart } from '../views/datasets/run-form.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { formOf } from './frame/readable-form.ts'
import { answerProblem, wantsPage } from './problem.tsx'
import { datasetRetentionRoutes, type RefusedRule } from './retention.tsx'
import { answerStart, newKey, readStart } from './start-run.ts'
import { uploadRoutes } from './uploads.tsx'

const ListQuery = z.object({
  q: z.string().trim().min(1).max(200).optional().catch(undefined),
  status: z
    .enum([...runStatuses, 'none'])
    .optional()
    .catch(undefined),
  page: z.coerce.number().int().min(1).max(100_000).catch(1),
})
const NoticeQuery = z.object({ notice: z.enum(['not-run', 'none-chosen']).optional().catch(undefined) })
/** Whatever is no id of a dataset is left out: nothing can come of it. */
const chosenIn = (c: AppContext): string[] =>
  [...new Set(c.req.queries('dataset') ?? [])].filter((id) => /^ds_[0-9a-f]{32}$/.test(id))
const SampleQuery = z.object({ sample: z.coerce.number().int().min(1).max(100).catch(1) })
const shapes = ['turns', 'exchange', 'text', 'rows', 'none'] as const
const Shape = z.enum(shapes)

/** Datasets: list, upload, page, mapping, run, deletion. */
export function datasetRoutes(deps: AppDeps) {
  const { db, clock, random } = deps
  const shares = shareStore(deps)
  const find = (c: AppContext) => findDataset(db, c.var.user, c.req.param('id') ?? '')

  const page = async (
    c: AppContext,
    problems?: readonly { field?: string; message: string }[],
    given: { readonly configuration?: RunConfiguration; readonly priority?: number } = {},
    refused?: { readonly typed: string; readonly problems: readonly FormProblem[] },
    kept?: RefusedRule,
  ) => {
    const dataset = await find(c)
    if (!dataset) return answerProblem(c, gone)
    const { sample: index } = SampleQuery.parse(c.req.query())
    const [{ sample, columns }, runs, retention] = await Promise.all([
      readSample(deps, c.var.caller, dataset, index),
      listRuns(db, c.var.user, { datasetId: dataset.summary.id }, 1, 20),
      readRetention(db, dataset.summary.id),
    ])
    const view = {
      ...dataset,
      sample,
      columns,
      runs: runs.rows,
      runCount: runs.total,
      canEdit: c.var.may('dataset.update'),
      canRun: c.var.may('run.start'),
      canDelete: c.var.may('dataset.delete'),
    }
    const { notice } = NoticeQuery.parse(c.req.query())
    const notices = notice !== 'not-run' ? [] : [isSure(dataset) ? notStarted : tooUnsure]
    const sharing = c.var.may('dataset.share')
      ? { shares: await listShares(db, dataset.summary.id), ...refused }
      : undefined
    const named = checks.map(({ name, title }) => ({ name, title }))
    return c.html(
      <RunFormStart.Provider value={{ idempotencyKey: newKey(random), priority: given.priority }}>
        <DatasetPage
          {...frameOf(c, notices)}
          dataset={view}
          checks={named}
          configuration={given.configuration}
          problems={problems}
          sharing={sharing}
          keeping={{
            retention: {
              ...retention,
              canEdit: c.var.may('dataset.retention'),
              canHold: c.var.may('dataset.hold'),
            },
            ...kept,
          }}
          now={clock()}
        />
      </RunFormStart.Provider>,
      problems === undefined && refused === undefined && kept === undefined ? 200 : 422,
    )
  }

  const deletePage = async (c: AppContext, dataset: StoredDataset, problem?: string) => {
    const runs = await listRuns(db, c.var.user, { datasetId: dataset.summary.id }, 1, 1)
    const { summary, exports } = dataset
    return c.html(
      <DeletePage {...frameOf(c)} dataset={{ summary, exports, runs: runs.total }} problem={problem} />,
      problem === undefined ? 200 : 422,
    )
  }

  return new Hono<AppEnv>()
    .get('/', async (c) => {
      const { q, status, page } = ListQuery.parse(c.req.query())
      const filter = { ...(q === undefined ? {} : { q }), ...(status === undefined ? {} : { status }) }
      const datasets = await listDatasets(db, c.var.user, filter, page)
      const { notice } = NoticeQuery.parse(c.req.query())
      const said = { 'not-run': someNotRun, 'none-chosen': noneChosen }
      const frame = frameOf(c, notice === undefined ? [] : [said[notice]])
      const chosen = c.var.may('run.start') ? chosenIn(c) : undefined
      return c.html(
        <DatasetsPage {...frame} datasets={datasets} q={q} status={status} chosen={chosen} now={clock()} />,
      )
    })
    .route('/', uploadRoutes(deps))
    .get('/:id', (c) => page(c))
    .get('/:id/mapping', async (c) => {
      const dataset = await find(c)
      if (!dataset) return answerProblem(c, gone)
      const { columns } = await readSample(deps, c.var.caller, dataset, 1)
      const current = valuesOf(dataset.mapping ?? { shape: 'none' })
      const shape = Shape.safeParse(c.req.query('shape'))
      const values = shape.success ? { ...current, shape: shape.data } : current
      const { id, name } = dataset.summary
      return c.html(<MappingPage {...frameOf(c)} dataset={{ id, name }} values={values} columns={columns} />)
    })
    .post('/:id/mapping', async (c) => {
      const dataset = await find(c)
      if (!dataset) return answerProblem(c, gone)
      const values = readMappingForm(await formOf(c))
      const fields = Object.entries(values.fields).filter(([, value]) => value !== undefined)
      const roles = Object.fromEntries(values.roles.map(({ name, as }) => [name, as]))
      const hasRoles = values.shape === 'turns' || values.shape === 'rows'
      const mapping = Mapping.safeParse({
        shape: values.shape,
        ...Object.fromEntries(fields),
        ...(hasRoles ? { roles } : {}),
      })
      const { id, name } = dataset.summary
      if (!mapping.success || (hasRoles && values.roles.length === 0)) {
        const { columns } = await readSample(deps, c.var.caller, dataset, 1)
        const problems = mapping.success
          ? [{ message: 'Name at least one speaker and say which role it is.' }]
          : mapping.error.issues.map((issue) => ({
              field: String(issue.path[0] ?? 'shape'),
              message: `${mappingFieldLabel(values.shape, String(issue.path[0] ?? ''))}: choose the field that holds it.`,
            }))
        return c.html(
          <MappingPage
            {...frameOf(c)}
            dataset={{ id, name }}
            values={values}
            columns={columns}
            problems={problems}
          />,
          422,
        )
      }
      const saved = await setMapping(db, c.var.caller, id, mapping.data, clock())
      return saved.ok ? c.redirect(`/datasets/${id}`, 303) : answerProblem(c, saved.problem)
    })
    .post('/:id/shares', async (c) => {
      const dataset = await find(c)
      if (!dataset) return answerProblem(c, gone)
      const form = await formOf(c)
      const typed = String(form.get('with') ?? '')
      const request = ShareRequest.safeParse({
        with: typed,
        role: form.get('role'),
        right: form.get('right'),
      })
      const shared = request.success
        ? await shareDataset(shares, c.var.caller, dataset.summary.id, request.data)
        : refuse(
            'invalid',
            request.error.issues[0]?.message ?? 'This could not be read.',
            String(request.error.issues[0]?.path[0] ?? 'right'),
          )
      if (shared.ok) return c.redirect(`/datasets/${dataset.summary.id}#share`, 303)
      if (!wantsPage(c)) return answerProblem(c, shared.problem)
      return page(c, undefined, {}, { typed, problems: [shared.problem] })
    })
    .post('/:id/shares/:shareId/removal', async (c) => {
      const id = c.req.param('id')
      const removed = await removeShare(db, c.var.caller, id, c.req.param('shareId'))
      return removed ? c.redirect(`/datasets/${id}#share`, 303) : answerProblem(c, notSharedAnyMore)
    })
    .post('/:id/runs', async (c) => {
      const dataset = await find(c)
      if (!dataset) return answerProblem(c, gone)
      const asked = await readStart(c)
      if (asked instanceof Response) return asked
      if (!asked.ok) {
        if (wantsPage(c)) return page(c, asked.problems, asked)
        return answerProblem(c, { kind: 'invalid', ...asked.problems[0] })
      }
      return answerStart(c, deps, {
        datasetIds: [dataset.summary.id],
        configuration: asked.configuration ?? RunConfiguration.parse({}),
        ...(asked.priority === undefined ? {} : { priority: asked.priority }),
        ...(asked.idempotencyKey === undefined ? {} : { idempotencyKey: asked.idempotencyKey }),
      })
    })
    .get('/:id/delete', async (c) => {
      const dataset = await find(c)
      return dataset ? deletePage(c, dataset) : answerProblem(c, gone)
    })
    .post('/:id/delete', async (c) => {
      const dataset = await find(c)
      if (!dataset) return answerProblem(c, gone)
      const form = await formOf(c)
      if (form.get('name') !== dataset.summary.name) {
        const { name } = dataset.summary
        return deletePage(c, dataset, `The name typed is not “${name}”. Type it exactly.`)
      }
      const deletion = await requestDeletion(deps, c.var.caller, dataset.summary.id)
      if (!deletion.ok) return answerProblem(c, deletion.problem)
      await deps.beginDeletion?.(deletion.value)
      return c.redirect(`/admin/deletions/${deletion.value}`, 303)
    })
    .route(
      '/',
      datasetRetentionRoutes(deps, (c, kept) => page(c, undefined, {}, undefined, kept)),
    )
}

const gone = {
  kind: 'not-found',
  message: 'Nothing is at this address, or it is not yours to see. Check it, or start from the overview.',
} as const

const notSharedAnyMore = {
  kind: 'not-found',
  message: 'This share was already taken back. Open the dataset again to see who has it.',
} as const

const tooUnsure = {
  state: 'degraded',
  text: 'No run was started: what was detected is too unsure. Look at the records, correct the mapping, then press Run.',
} as const
const notStarted = { state: 'degraded', text: 'No run was started. Press Run to try again.' } as const
const someNotRun = {
  state: 'degraded',
  text: 'Not every dataset was run. Open those that were not, look at their mapping, then press Run.',
} as const

const noneChosen = {
  state: 'degraded',
  text: 'No dataset was chosen. Tick those to run, then press “Run together”.',
} as const

/** The mapping's form as it was sent: '' means absent, role names come in pairs. */
function readMappingForm(form: FormData): ReturnType<typeof valuesOf> {
  const text = (name: string): string | undefined => {
    const value = form.get(name)
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
  }
  const shape = Shape.catch('none').parse(form.get('shape'))
  const names = form.getAll('roleName')
  const as = form.getAll('roleAs')
  return {
    shape,
    fields: Object.fromEntries(mappingFieldNames(shape).map((name) => [name, text(name)])),
    roles: names.flatMap((name, at) => {
      const role = as[at]
      return typeof name === 'string' && name.trim() !== '' && typeof role === 'string'
        ? [{ name: name.trim().toLowerCase(), as: role }]
        : []
    }),
  }
}
