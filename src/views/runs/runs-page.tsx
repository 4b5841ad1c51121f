import { type RunStatus, runStatuses } from '../../domain/pipeline/run.ts'
import type { Page, RunSummary } from '../../domain/pipeline/run-view.ts'
import { Empty, EmptyPage } from '../components/empty.tsx'
import { number, plural } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { Pager } from '../components/pager.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { RunTable } from './run-table.tsx'

interface Props extends Frame {
  runs: Page<RunSummary>
  status?: RunStatus | undefined
  now: Date
}

const word = (status: RunStatus) => status.charAt(0).toUpperCase() + status.slice(1)

/** `GET /runs?status=…&page=…` */
export const RunsPage = ({ runs, status, now, ...frame }: Props) => (
  <Shell frame={frame} title="Runs" place="runs">
    <PageHead title="Runs" count={number(runs.total)} />
    {runs.total === 0 && status === undefined ? (
      <EmptyPage
        title="Nothing has run yet"
        actions={
          <a class="button button--primary" href="/datasets/new">
            Add dataset
          </a>
        }
      >
        A run sends a dataset through six stages and accounts for every record. Add a dataset, look at what
        was detected, and start its run from there.
      </EmptyPage>
    ) : (
      <>
        <form class="toolbar" aria-label="Filter runs" action="/runs">
          <label class="vh" for="status">
            State
          </label>
          <select class="select" id="status" name="status">
            <option value="">Any state</option>
            {runStatuses.map((each) => (
              <option value={each} selected={each === status}>
                {word(each)}
              </option>
            ))}
          </select>
          <button class="button" type="submit">
            Filter
          </button>
          <span class="toolbar__count">{plural(runs.total, 'run')}</span>
        </form>
        <h2 class="vh" id="runs">
          List of runs
        </h2>
        {runs.rows.length === 0 ? (
          <Empty>
            No run in this state. <a href="/runs">Show all runs</a>
          </Empty>
        ) : (
          <RunTable runs={runs.rows} labelledBy="runs" now={now} />
        )}
        <Pager page={runs} path="/runs" query={{ status }} />
      </>
    )}
  </Shell>
)
