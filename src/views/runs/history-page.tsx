import { type Stage, stages } from '../../domain/pipeline/run.ts'
import type { RunSummary, StoredEvent } from '../../domain/pipeline/run-view.ts'
import { Choose } from '../components/choose.tsx'
import { Empty } from '../components/empty.tsx'
import { exactTime } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { pageHref } from '../components/pager.tsx'
import { Count, Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { stageName } from '../names.ts'
import { runTitle } from './run-table.tsx'

interface Props extends Frame {
  run: Pick<RunSummary, 'id' | 'datasets'>
  events: readonly StoredEvent[]
  kinds: readonly string[]
  kind?: string | undefined
  stage?: Stage | undefined
  /** Whether these are not the newest. */
  isLater: boolean
  /** Cursor of the next page, when there is one. */
  next?: number | undefined
}

const Row = ({ event: { at, kind, stage, shard, message } }: { event: StoredEvent }) => (
  <tr>
    <td class="nowrap wide" data-label="When">
      <time datetime={at.toISOString()}>{exactTime(at)}</time>
    </td>
    <td class="mono nowrap" data-label="Kind">
      {kind}
    </td>
    <td data-label="Stage">{stage === null ? <span class="muted">run</span> : stageName[stage]}</td>
    <Count value={shard} label="Shard" otherwise="none" />
    <td class="main-cell wide" data-label="Message">
      {message}
    </td>
  </tr>
)

/** `GET /runs/:id/history?kind=…&stage=…&before=…`: everything that happened, the newest first. */
export const HistoryPage = ({ run, events, kinds, kind, stage, isLater, next, ...frame }: Props) => {
  const path = `/runs/${run.id}/history`
  const isFiltered = kind !== undefined || stage !== undefined
  return (
    <Shell frame={frame} title={`History of ${runTitle(run.datasets)}`} place="runs">
      <PageHead
        title="History"
        crumbs={[
          { text: 'Runs', href: '/runs' },
          { text: runTitle(run.datasets), href: `/runs/${run.id}` },
          { text: 'History' },
        ]}
        meta={<span>Every event of the run, the newest first. Nothing is ever changed or removed here.</span>}
      />
      <form class="toolbar" aria-label="Filter events" action={path}>
        <Choose
          name="kind"
          label="Kind"
          any="Any kind"
          value={kind}
          options={kinds.map((each) => ({ value: each, label: each }))}
        />
        <Choose
          name="stage"
          label="Stage"
          any="Any stage"
          value={stage}
          options={stages.map((each) => ({ value: each, label: stageName[each] }))}
        />
        <button class="button" type="submit">
          Filter
        </button>
        {isFiltered ? <a href={path}>Show all events</a> : null}
      </form>
      <h2 class="vh" id="events">
        Events
      </h2>
      {events.length === 0 ? (
        <Empty>
          {isFiltered ? 'No event of this kind and stage. ' : 'No events here. '}
          <a href={path}>Show all events</a>
        </Empty>
      ) : (
        <Table labelledBy="events" kind="table--stack">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Kind</th>
              <th scope="col">Stage</th>
              <th scope="col" class="num">
                Shard
              </th>
              <th scope="col">Message</th>
            </tr>
          </thead>
          <tbody>
            {events.map((event) => (
              <Row event={event} />
            ))}
          </tbody>
        </Table>
      )}
      {isLater || next !== undefined ? (
        <nav class="pager" aria-label="Pages">
          {isLater ? <a href={pageHref(path, { kind, stage }, 1)}>Newest</a> : null}
          {next === undefined ? null : (
            <a rel="next" href={pageHref(path, { kind, stage, before: String(next) }, 1)}>
              Older
            </a>
          )}
        </nav>
      ) : null}
    </Shell>
  )
}
