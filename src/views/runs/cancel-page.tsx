import type { RunView } from '../../domain/pipeline/run-view.ts'
import { Icon } from '../components/icon.tsx'
import { PageHead } from '../components/page-head.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { runTitle } from './run-table.tsx'

/** What a cancelled run leaves, said before it is. */
export const Cancellation = () => (
  <p>It stops at its next batch. What is done so far is kept, and the run can be resumed.</p>
)

interface Props extends Frame {
  run: Pick<RunView, 'id' | 'datasets'>
}

/** `GET /runs/:id/cancel`: what the dialog of the run's page asks, for browsers that cannot open it. */
export const CancelPage = ({ run, ...frame }: Props) => (
  <Shell frame={frame} title="Cancel this run?" place="runs">
    <PageHead
      title="Cancel this run?"
      crumbs={[
        { text: 'Runs', href: '/runs' },
        { text: runTitle(run.datasets), href: `/runs/${run.id}` },
        { text: 'Cancel' },
      ]}
    />
    <form method="post" action={`/runs/${run.id}/cancel`} class="stack stack--s">
      <Cancellation />
      <p class="actions">
        <button class="button button--danger-primary" type="submit">
          <Icon name="stop" />
          Cancel run
        </button>
        <a class="button button--quiet" href={`/runs/${run.id}`}>
          Let it run
        </a>
      </p>
    </form>
  </Shell>
)
