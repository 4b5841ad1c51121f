import type { RunView } from '../../domain/pipeline/run-view.ts'
import { duration } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Plate } from '../components/state.tsx'
import { modeName } from '../names.ts'
import { ProgressWord } from './progress-word.tsx'
import { runTitle } from './run-table.tsx'

const Meta = ({ run }: { run: RunView }) => (
  <>
    <span>
      {run.startedAt === null ? 'asked for ' : 'started '}
      <RelativeTime at={run.startedAt ?? run.createdAt} now={run.now} /> by {run.startedBy}
    </span>
    {run.startedAt !== null && run.finishedAt !== null ? (
      <span>took {duration(run.finishedAt.getTime() - run.startedAt.getTime())}</span>
    ) : null}
    <span>{modeName[run.mode].toLowerCase()} mode</span>
    {run.status === 'running' && run.lastProgressAt !== null ? (
      <span>
        last progress <RelativeTime at={run.lastProgressAt} now={run.now} />
      </span>
    ) : null}
  </>
)

const Again = ({ run }: { run: RunView }) => (
  <>
    <form method="post" action={`/runs/${run.id}/again`}>
      {run.againKey === undefined ? null : <input type="hidden" name="idempotencyKey" value={run.againKey} />}
      <button class="button" id="again" type="submit">
        Run again
      </button>
    </form>
    <a class="button" id="again-changed" href={`/runs/${run.id}/again`}>
      Run again with changes
    </a>
  </>
)

const Actions = ({ run }: { run: RunView }) => (
  <>
    {run.canResume === true ? (
      <form method="post" action={`/runs/${run.id}/resume`}>
        <button class="button button--primary" id="resume" type="submit">
          <Icon name="run" />
          Resume
        </button>
      </form>
    ) : null}
    {run.canRunAgain === true ? <Again run={run} /> : null}
    {run.canCancel === true ? (
      <a class="button button--danger" id="cancel" href={`/runs/${run.id}/cancel`} data-dialog="cancel-run">
        <Icon name="stop" />
        Cancel run…
      </a>
    ) : null}
  </>
)

/** The head of a run's page; it changes with the run, so it is part of the live region. */
export const RunHead = ({ run }: { run: RunView }) => (
  <PageHead
    title={runTitle(run.datasets)}
    crumbs={[
      { text: 'Runs', href: '/runs' },
      // Several are no steps of one way: the page lists them.
      ...(run.datasets.length === 1
        ? run.datasets.map(({ id, name }) => ({ text: name, href: `/datasets/${id}` }))
        : []),
      { text: run.id, isId: true },
    ]}
    plate={
      <>
        <Plate state={run.status} />
        {run.progress === undefined ? null : <ProgressWord kind={run.progress.kind} />}
      </>
    }
    meta={<Meta run={run} />}
    {...(run.canCancel === true || run.canResume === true || run.canRunAgain === true
      ? { actions: <Actions run={run} /> }
      : {})}
  />
)
