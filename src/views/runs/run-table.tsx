import type { RunSummary } from '../../domain/pipeline/run-view.ts'
import { number, percent } from '../components/format.ts'
import { MiniRail, overallShare } from '../components/rail.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { State } from '../components/state.tsx'
import { Count, Table } from '../components/table.tsx'
import { modeName } from '../names.ts'
import { ProgressWord } from './progress-word.tsx'

interface Props {
  runs: readonly RunSummary[]
  labelledBy: string
  /** Without id, mode and person, for the column of a split. */
  short?: boolean
  /** Ids of those that make no progress. */
  stuck?: ReadonlySet<string> | undefined
  now: Date
}

/** What a run is called: its dataset, the two of them, or the first and how many more; its page lists them all. */
export function runTitle(datasets: RunSummary['datasets']): string {
  const [first, second] = datasets
  if (first === undefined) return 'Run of a deleted dataset'
  if (second === undefined) return first.name
  return datasets.length === 2
    ? `${first.name} and ${second.name}`
    : `${first.name} and ${number(datasets.length - 1)} more`
}

const stateOfRow = ({ status }: RunSummary) =>
  status === 'failed' || status === 'running' ? status : undefined

interface RowProps {
  run: RunSummary
  now: Date
  short: boolean
  isStuck: boolean
}

const Row = ({ run, now, short, isStuck }: RowProps) => {
  const title = runTitle(run.datasets)
  const share = run.status === 'running' ? overallShare(run.stages) : null
  return (
    <tr data-state={stateOfRow(run)}>
      <th scope="row" class="main-cell">
        <a href={`/runs/${run.id}`}>{title}</a> {short ? null : <span class="id">{run.id}</span>}
        {run.problem === undefined ? null : <span class="sub">{run.problem}</span>}
      </th>
      <td class={isStuck ? 'wide' : undefined} data-label="State">
        <State state={run.status} more={share === null ? undefined : percent(share)} />
        {isStuck ? <ProgressWord kind="stuck" /> : null}
      </td>
      <td data-label="Stages">
        {run.stages.length === 0 ? (
          <span class="muted">pending</span>
        ) : (
          <MiniRail stages={run.stages} of={title} />
        )}
      </td>
      <Count value={run.recordsTotal} label="Records" />
      <Count value={run.accepted} label="Accepted" />
      <Count value={run.quarantined} label="Quarantined" href={`/runs/${run.id}/quarantine`} />
      {short ? null : (
        <>
          <td data-label="Mode">{modeName[run.mode]}</td>
          <td data-label="By">{run.startedBy}</td>
        </>
      )}
      <td class="num" data-label="When">
        <RelativeTime at={run.finishedAt ?? run.startedAt ?? run.createdAt} now={now} />
      </td>
    </tr>
  )
}

/** Runs, newest first, each with its way through the stages. */
export const RunTable = ({ runs, labelledBy, short = false, stuck, now }: Props) => (
  <Table labelledBy={labelledBy} kind="table--stack">
    <thead>
      <tr>
        <th scope="col">Dataset</th>
        <th scope="col">State</th>
        <th scope="col">Stages</th>
        <th scope="col" class="num">
          Records
        </th>
        <th scope="col" class="num">
          Accepted
        </th>
        <th scope="col" class="num">
          Quarantined
        </th>
        {short ? null : (
          <>
            <th scope="col">Mode</th>
            <th scope="col">By</th>
          </>
        )}
        <th scope="col" class="num">
          When
        </th>
      </tr>
    </thead>
    <tbody>
      {runs.map((run) => (
        <Row run={run} now={now} short={short} isStuck={stuck?.has(run.id) === true} />
      ))}
    </tbody>
  </Table>
)
