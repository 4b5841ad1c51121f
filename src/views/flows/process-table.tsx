import { shownState } from '../../domain/flows/diagram/diagram-states.ts'
import type { Check } from '../../domain/flows/flow.ts'
import type { FlowPicture } from '../../domain/flows/monitor/flow-monitor.ts'
import type { ProcessAssessment } from '../../domain/flows/state/assess-flow.ts'
import { severityOf } from '../../domain/flows/state/state.ts'
import { duration } from '../components/format.ts'
import { RelativeTime } from '../components/relative-time.tsx'
import { Table } from '../components/table.tsx'
import { ProcessState } from './process-state.tsx'

export const sortings = ['worst', 'order', 'name'] as const
export type Sorting = (typeof sortings)[number]

const columns: readonly { readonly title: string; readonly sort?: Sorting; readonly isNumber?: boolean }[] = [
  { title: 'Process', sort: 'name' },
  { title: 'State', sort: 'worst' },
  { title: 'Why' },
  { title: 'Since', isNumber: true },
  { title: 'Last good', isNumber: true },
  { title: 'Next run', isNumber: true },
  { title: 'Red within', isNumber: true },
]

interface Props {
  picture: FlowPicture
  sorting: Sorting
  /** Address of the page with another sorting. */
  hrefOf: (sorting: Sorting) => string
  now: Date
}

/** Every process with its state, why, and what comes next. */
export const ProcessTable = ({ picture, sorting, hrefOf, now }: Props) => {
  const { watched, assessment } = picture
  const checksOf = Map.groupBy(watched.flow.checks, (check) => check.process)
  return (
    <Table labelledBy="processes">
      <thead>
        <tr>
          {columns.map(({ title, sort, isNumber }) => (
            <th
              scope="col"
              class={isNumber === true ? 'num' : undefined}
              aria-sort={sort === sorting ? (sort === 'worst' ? 'descending' : 'ascending') : undefined}
            >
              {sort === undefined ? title : <a href={hrefOf(sort)}>{title}</a>}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {sorted(assessment.processes, sorting).map((process) => (
          <Row
            flowId={watched.id}
            process={process}
            all={assessment.processes}
            checks={checksOf.get(process.id) ?? []}
            picture={picture}
            now={now}
          />
        ))}
      </tbody>
    </Table>
  )
}

const Row = ({
  flowId,
  process,
  all,
  checks,
  picture,
  now,
}: {
  flowId: string
  process: ProcessAssessment
  all: readonly ProcessAssessment[]
  checks: readonly Check[]
  picture: FlowPicture
  now: Date
}) => {
  const enabled = checks.filter((check) => check.enabled)
  const lastOk = enabled.flatMap(({ id }) => picture.assessment.checks.get(id)?.memory?.lastOkAt ?? [])
  const [why] = process.because
  return (
    <tr id={`process-${process.id}`} data-state={shownState(process)}>
      <th scope="row">
        <a href={`/flows/${flowId}/processes/${process.id}`}>{process.name}</a>
      </th>
      <td>
        <ProcessState process={process} processes={all} />
      </td>
      <td class="quiet">{why === undefined ? 'Nothing is checked here.' : why.view.message}</td>
      <td class="num">
        {process.since === undefined ? (
          <span class="muted">not yet</span>
        ) : (
          <RelativeTime at={new Date(process.since)} now={now} />
        )}
      </td>
      <td class="num">
        {process.state === 'HEALTHY' ? (
          'at each run'
        ) : lastOk.length === 0 ? (
          <span class="muted">never</span>
        ) : (
          <RelativeTime at={new Date(Math.min(...lastOk))} now={now} />
        )}
      </td>
      <td class="num">{nextRun(enabled)}</td>
      <td class="num">{budget(enabled)}</td>
    </tr>
  )
}

/** How soon one of its checks runs again: the shortest interval. */
const nextRun = (checks: readonly Check[]): string =>
  checks.length === 0 ? 'none' : `within ${duration(Math.min(...checks.map((check) => check.interval)))}`

/** The worst time until the quickest of its checks has it red. */
const budget = (checks: readonly Check[]): string =>
  checks.length === 0 ? 'never' : duration(Math.min(...checks.map((check) => check.detectionBudget)))

/** Roots before what they starve, then what is at risk; what is alike stays in the order of the configuration. */
const roleRank = { root: 0, consequence: 1, at_risk: 2, none: 3 } as const

export function sorted(processes: readonly ProcessAssessment[], sorting: Sorting): ProcessAssessment[] {
  if (sorting === 'order') return [...processes]
  if (sorting === 'name') return processes.toSorted((a, b) => a.name.localeCompare(b.name, 'en'))
  return processes.toSorted(
    (a, b) => severityOf(b.state) - severityOf(a.state) || roleRank[a.role] - roleRank[b.role],
  )
}
