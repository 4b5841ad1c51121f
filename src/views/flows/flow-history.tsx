import type { Flow } from '../../domain/flows/flow.ts'
import type { Transition } from '../../domain/flows/monitor/flow-history.ts'
import type { State as FlowState } from '../../domain/flows/state/state.ts'
import { Empty } from '../components/empty.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { State } from '../components/state.tsx'
import { Table } from '../components/table.tsx'
import { HistoryBars } from './history-bars.tsx'
import { markOfState } from './process-state.tsx'

/** How far back the bars go; always the same number of them. */
export const ranges = {
  '1h': { words: '1 hour', ms: 3_600_000 },
  '24h': { words: '24 hours', ms: 86_400_000 },
  '7d': { words: '7 days', ms: 7 * 86_400_000 },
  '30d': { words: '30 days', ms: 30 * 86_400_000 },
} as const
export type Range = keyof typeof ranges
export const rangeNames = ['1h', '24h', '7d', '30d'] as const satisfies readonly Range[]
export const slots = 60

export interface FlowHistoryProps {
  flow: Flow
  history: ReadonlyMap<string, readonly (FlowState | undefined)[]>
  transitions: readonly Transition[]
  range: Range
  hrefOf: (range: Range) => string
  now: Date
}

/** How every process did in a range of time, and what changed last; also the fragment the page asks for by itself. */
export const FlowHistorySections = ({ flow, history, transitions, range, hrefOf, now }: FlowHistoryProps) => (
  <>
    <Section
      id="history"
      title="History"
      note={`the last ${ranges[range].words.replace(/^1 /, '')}, the worst of each slot`}
      more={
        <nav class="section__more ranges" aria-label="Range of the history">
          {rangeNames.map((each) => (
            <a href={`${hrefOf(each)}#history`} aria-current={each === range ? 'true' : undefined}>
              {ranges[each].words}
            </a>
          ))}
        </nav>
      }
    >
      <Table labelledBy="history" kind="table--dense">
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col" class="history-column">{`${ranges[range].words} ago until now`}</th>
          </tr>
        </thead>
        <tbody>
          {flow.processes.map(({ id, name }) => {
            const states = history.get(id) ?? Array.from({ length: slots }, () => undefined)
            return (
              <tr>
                <th scope="row" class="process-name">
                  <a href={`/flows/${flow.id}/processes/${id}`}>{name}</a>
                </th>
                <td>
                  <HistoryBars
                    states={states}
                    label={`${name}, last ${ranges[range].words}: ${inWords(states)}`}
                  />
                </td>
              </tr>
            )
          })}
        </tbody>
      </Table>
    </Section>
    <Section id="changes" title="Latest changes">
      {transitions.length === 0 ? (
        <Empty>Nothing has changed yet.</Empty>
      ) : (
        <TransitionTable flow={flow} transitions={transitions} now={now} />
      )}
    </Section>
  </>
)

export const TransitionTable = ({
  flow,
  transitions,
  now,
}: Pick<FlowHistoryProps, 'flow' | 'transitions' | 'now'>) => {
  const nameOf = new Map(flow.processes.map(({ id, name }) => [id, name]))
  return (
    <Table labelledBy="changes" kind="table--dense">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Process or check</th>
          <th scope="col">Became</th>
          <th scope="col">Because</th>
        </tr>
      </thead>
      <tbody>
        {transitions.map(({ at, process, check, from, to, message }) => (
          <tr>
            <th scope="row">
              <RelativeTime at={new Date(at)} now={now} />
            </th>
            <td>
              <Changed flowId={flow.id} process={process} name={nameOf.get(process)} check={check} />
            </td>
            <td>
              <State state={markOfState[to]} more={`was ${from.toLowerCase()}`} />
            </td>
            <td class="quiet">{message}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  )
}

const Changed = ({
  flowId,
  process,
  name,
  check,
}: {
  flowId: string
  process: string
  /** undefined: the configuration has lost it since. */
  name: string | undefined
  check: string | undefined
}) => {
  if (name === undefined) return <>{check ?? process}</>
  const href = `/flows/${flowId}/processes/${process}`
  return check === undefined ? (
    <a href={href}>
      <b>{name}</b>
    </a>
  ) : (
    <a href={`${href}#check-${check}`}>{check}</a>
  )
}

function inWords(states: readonly (FlowState | undefined)[]): string {
  const known = states.filter((state) => state !== undefined)
  if (known.length === 0) return 'nothing is known'
  const count = (state: FlowState) => known.filter((each) => each === state).length
  const parts = (['FAILED', 'UNKNOWN', 'DEGRADED', 'HEALTHY'] as const)
    .map((state) => ({ state, slots: count(state) }))
    .filter(({ slots: found }) => found > 0)
    .map(({ state, slots: found }) => `${state.toLowerCase()} in ${found} of ${known.length}`)
  return parts.join(', ')
}
