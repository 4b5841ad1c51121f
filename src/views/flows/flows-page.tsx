import type { FlowPicture, RefusedFile } from '../../domain/flows/monitor/flow-monitor.ts'
import { type State as FlowState, severityOf, states } from '../../domain/flows/state/state.ts'
import { Empty, EmptyPage } from '../components/empty.tsx'
import { number } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { State } from '../components/state.tsx'
import { Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { HistoryBars } from './history-bars.tsx'
import { MistakeTable } from './mistakes.tsx'
import { markOfState } from './process-state.tsx'

interface ListProps {
  pictures: readonly FlowPicture[]
  /** Files that no flow stands for, and newer texts of flows that were refused. */
  refused: readonly RefusedFile[]
  now: Date
}

const worstFirst = [...states].reverse()

/** The part of the page that changes; asks for itself every few seconds. */
export const FlowList = ({ pictures, refused, now }: ListProps) => (
  <>
    <div
      id="flows-poll"
      hidden
      hx-get="/flows"
      hx-trigger="every 2s"
      hx-target="#flow-list"
      hx-swap="innerMorph"
      hx-config="timeout:8s"
    />
    {refused.map((file, at) => (
      <Refused file={file} id={`refused-${at}`} now={now} />
    ))}
    {pictures.length === 0 ? (
      <Empty>
        No flow is watched: every file was refused. Mend one, and it is taken over within two seconds.
      </Empty>
    ) : (
      <Table labelledBy="flows" kind="table--stack">
        <thead>
          <tr>
            <th scope="col">Flow</th>
            <th scope="col">State</th>
            <th scope="col">In a sentence</th>
            {worstFirst.map((state) => (
              <th scope="col" class="num">
                {word(state)}
              </th>
            ))}
            <th scope="col">Processes</th>
            <th scope="col">Board</th>
          </tr>
        </thead>
        <tbody>
          {inOrder(pictures).map((picture) => (
            <Row picture={picture} />
          ))}
        </tbody>
      </Table>
    )}
  </>
)

/** The worst first, then by name. */
export const inOrder = (pictures: readonly FlowPicture[]): FlowPicture[] =>
  pictures.toSorted(
    (a, b) =>
      severityOf(b.assessment.state) - severityOf(a.assessment.state) ||
      a.watched.flow.name.localeCompare(b.watched.flow.name, 'en'),
  )

const word = (state: FlowState) => state.charAt(0) + state.slice(1).toLowerCase()

const Row = ({ picture: { watched, assessment } }: { picture: FlowPicture }) => {
  const { id, flow } = watched
  const processes = assessment.processes
    .toSorted((a, b) => severityOf(b.state) - severityOf(a.state))
    .map((process) => process.state)
  return (
    <tr data-state={markOfState[assessment.state]}>
      <th scope="row" class="main-cell">
        <a href={`/flows/${id}`}>{flow.name}</a> <span class="id">{id}</span>
      </th>
      <td data-label="State">
        <State state={markOfState[assessment.state]} />
      </td>
      <td class="wide" data-label="In a sentence">
        {assessment.sentence}
      </td>
      {worstFirst.map((state) => (
        <td class={assessment.counts[state] === 0 ? 'num zero' : 'num'} data-label={word(state)}>
          {number(assessment.counts[state])}
        </td>
      ))}
      <td class="wide" data-label="Processes">
        <HistoryBars
          states={processes}
          label={worstFirst
            .filter((state) => assessment.counts[state] > 0)
            .map((state) => `${assessment.counts[state]} ${state.toLowerCase()}`)
            .join(', ')}
        />
      </td>
      <td data-label="Board">
        <a href={`/board/${id}`}>
          Wall board<span class="vh"> of {flow.name}</span>
        </a>
      </td>
    </tr>
  )
}

const Refused = ({ file, id, now }: { file: RefusedFile; id: string; now: Date }) => (
  <Section
    id={id}
    title={`${file.file} is refused`}
    note={
      <>
        <RelativeTime at={new Date(file.at)} now={now} />; what ran before goes on
      </>
    }
  >
    <MistakeTable mistakes={file.mistakes} text={file.text} labelledBy={id} />
  </Section>
)

interface Props extends Frame, ListProps {}

/** `GET /flows`: every flow, the worst first, and every file that is wrong. */
export const FlowsPage = ({ pictures, refused, now, ...frame }: Props) => (
  <Shell frame={frame} title="Flows" place="flows" live={pictures.length + refused.length > 0}>
    <PageHead
      title="Flows"
      actions={
        <a class="button" href="/flows/try">
          Try a flow file
        </a>
      }
    />
    {pictures.length === 0 && refused.length === 0 ? (
      <NoFlows />
    ) : (
      <>
        <h2 class="vh" id="flows">
          List of flows
        </h2>
        <div id="flow-list">
          <FlowList pictures={pictures} refused={refused} now={now} />
        </div>
      </>
    )}
  </Shell>
)

const example = `version: 1
flow: {id: nightly-import, name: Nightly import}
processes:
  - {id: receive, name: Receive}
  - {id: load, name: Load}
connections:
  - {from: receive, to: load}
health_checks:
  - {id: newest_file, process: receive, type: file_fresh, glob: /srv/in/*.csv, max_age: 30m}
  - {id: database, process: load, type: tcp_port, host: 127.0.0.1, port: 5432}
`

const NoFlows = () => (
  <>
    <EmptyPage
      title="No flow is watched yet"
      actions={
        <a class="button button--primary" href="/flows/try">
          Try a flow file
        </a>
      }
    >
      A flow is one file: processes, connections between them, and what is checked. Put it into the folder{' '}
      <code>config/flows</code> with a name that ends in <code>.yaml</code>. It is taken over within two
      seconds and shown here. <code>docs/flows.md</code> says every key.
    </EmptyPage>
    <Section id="example" title="A whole one, to begin with">
      <pre class="code" tabindex={0}>
        {example}
      </pre>
    </Section>
  </>
)
