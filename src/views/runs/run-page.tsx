import { mayPerform } from '../../domain/auth/operations.ts'
import type { RunView } from '../../domain/pipeline/run-view.ts'
import { ConfirmDialog } from '../components/dialog.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { Cancellation } from './cancel-page.tsx'
import { isOver, RunLive } from './run-live.tsx'
import { runTitle } from './run-table.tsx'

interface Props extends Frame {
  run: RunView
}

/** `GET /runs/:id`. While the run can change the page follows `/runs/:id/events`, or polls `/runs/:id/live`. */
export const RunPage = ({ run, ...frame }: Props) => (
  <Shell frame={frame} title={`Run of ${runTitle(run.datasets)}`} place="runs" live={!isOver(run)}>
    {isOver(run) ? (
      <RunLive run={run} />
    ) : (
      <div id="run-live" data-live={`/runs/${run.id}/events`} data-poll={`/runs/${run.id}/live`}>
        <RunLive run={run} />
      </div>
    )}
    {mayPerform(frame.viewer?.role, 'audit.read') ? (
      <p class="section quiet only-screen">
        <a href={`/admin/audit?type=run&object=${run.id}`}>Audit entries of this run</a>
      </p>
    ) : null}
    {run.canCancel === true ? (
      <ConfirmDialog
        id="cancel-run"
        title="Cancel this run?"
        action={`/runs/${run.id}/cancel`}
        keep="Let it run"
        confirm="Cancel run"
      >
        <Cancellation />
      </ConfirmDialog>
    ) : null}
  </Shell>
)
