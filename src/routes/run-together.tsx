import { Hono } from 'hono'
import { findChosen } from '../db/dataset-choice.ts'
import { type ChosenDataset, chooseDatasets, whyNotRun } from '../domain/pipeline/dataset-choice.ts'
import { RunConfiguration } from '../domain/pipeline/run.ts'
import { checks } from '../domain/quality/registry.ts'
import type { FormProblem } from '../views/components/error-summary.tsx'
import { pageHref } from '../views/components/pager.tsx'
import { NewRunPage } from '../views/runs/new-run-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { refuseNamed } from './named-datasets.ts'
import { answerProblem, wantsPage } from './problem.tsx'
import { answerStart, newKey, readStart } from './start-run.ts'

/** One run over several datasets: the page that shows the choice, and its start. */
export function runTogetherRoutes(deps: AppDeps) {
  const { db, random } = deps

  const page = (
    c: AppContext,
    datasets: readonly ChosenDataset[],
    problems: readonly FormProblem[],
    given: { readonly configuration?: RunConfiguration; readonly priority?: number } = {},
  ) =>
    c.html(
      <NewRunPage
        {...frameOf(c)}
        datasets={datasets}
        configuration={given.configuration}
        priority={given.priority}
        idempotencyKey={newKey(random)}
        checks={checks.map(({ name, title }) => ({ name, title }))}
        problems={problems}
      />,
      problems.length === 0 ? 200 : 422,
    )

  return new Hono<AppEnv>()
    .get('/new', async (c) => {
      // In an address a repeated id says nothing more: following “add” twice is no mistake.
      const ids = [...new Set(c.req.queries('dataset') ?? [])].filter((id) => id !== '')
      if (ids.length === 0 && wantsPage(c)) return c.redirect(backToList(c), 303)
      const chosen = chooseDatasets(ids)
      if (!chosen.ok) return answerProblem(c, chosen.problem)
      const refused = await refuseNamed(c, deps, 'run.start', ids)
      if (refused !== undefined) return refused
      const datasets = await findChosen(db, c.var.user, ids)
      return datasets === undefined ? answerProblem(c, gone) : page(c, datasets, problemsOf(datasets))
    })
    .post('/', async (c) => {
      const asked = await readStart(c, 'datasets')
      if (asked instanceof Response) return asked
      if (!asked.ok && !wantsPage(c)) return answerProblem(c, { kind: 'invalid', ...asked.problems[0] })
      const chosen = chooseDatasets(asked.datasetIds)
      if (!chosen.ok) return answerProblem(c, chosen.problem)
      const refused = await refuseNamed(c, deps, 'run.start', chosen.value)
      if (refused !== undefined) return refused
      const datasets = await findChosen(db, c.var.user, chosen.value)
      if (datasets === undefined) return answerProblem(c, gone)
      const blocked = problemsOf(datasets)
      const [first] = blocked
      if (first !== undefined && !wantsPage(c)) return answerProblem(c, { kind: 'conflict', ...first })
      if (!asked.ok || first !== undefined) {
        return page(c, datasets, [...blocked, ...(asked.ok ? [] : asked.problems)], asked)
      }
      const { configuration, priority, idempotencyKey } = asked
      return answerStart(c, deps, {
        datasetIds: chosen.value,
        configuration: configuration ?? RunConfiguration.parse({}),
        ...(priority === undefined ? {} : { priority }),
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      })
    })
}

/** The list as it was filtered when the button was pressed, saying that nothing was ticked. */
const backToList = (c: AppContext): string => {
  const { q, status } = c.req.query()
  return pageHref('/datasets', { q, status, notice: 'none-chosen' }, 1)
}

const problemsOf = (datasets: readonly ChosenDataset[]): FormProblem[] =>
  datasets.flatMap((dataset) => {
    const message = whyNotRun(dataset)
    return message === undefined ? [] : [{ field: `chosen-${dataset.id}`, message }]
  })

const gone = {
  kind: 'not-found',
  message:
    'A dataset that was chosen is not there, or is not yours to see. Choose again in the list of datasets.',
} as const
