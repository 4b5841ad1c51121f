import type { RunConfiguration } from '../../domain/pipeline/run.ts'
import type { RunView } from '../../domain/pipeline/run-view.ts'
import { ErrorSummary, type FormProblem } from '../components/error-summary.tsx'
import { Icon } from '../components/icon.tsx'
import { PageHead } from '../components/page-head.tsx'
import { type CheckChoice, RunFields } from '../datasets/run-form.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { takenOverOf } from './run-intermediates.tsx'
import { runTitle } from './run-table.tsx'

interface Props extends Frame {
  run: Pick<RunView, 'id' | 'datasets' | 'intermediates'>
  configuration: RunConfiguration
  priority: number
  idempotencyKey: string
  checks: readonly CheckChoice[]
  problems?: readonly FormProblem[] | undefined
}

/** `GET /runs/:id/again`: the configuration of a run, to be changed for one that goes on from it. */
export const AgainPage = ({
  run,
  configuration,
  priority,
  idempotencyKey,
  checks,
  problems = [],
  ...frame
}: Props) => (
  <Shell frame={frame} title={`Run ${runTitle(run.datasets)} again`} place="runs">
    <PageHead
      title="Run again with changes"
      crumbs={[
        { text: 'Runs', href: '/runs' },
        { text: runTitle(run.datasets), href: `/runs/${run.id}` },
        { text: 'Run again' },
      ]}
      meta={<span>The same datasets. {takenOverOf(run)}</span>}
    />
    <ErrorSummary title="The run was not started" problems={problems} />
    <form class="options" method="post" action={`/runs/${run.id}/again`}>
      <RunFields
        checks={checks}
        configuration={configuration}
        priority={priority}
        idempotencyKey={idempotencyKey}
        problems={problems}
      />
      <p class="actions">
        <button class="button button--primary" type="submit">
          <Icon name="run" />
          Run
        </button>
        <a class="button" href={`/runs/${run.id}`}>
          Back to the run
        </a>
      </p>
    </form>
  </Shell>
)
