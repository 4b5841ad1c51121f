import type { DatasetSummary } from '../../domain/datasets/summaries.ts'
import type { FlowPicture } from '../../domain/flows/monitor/flow-monitor.ts'
import type { Attention as AttentionShown } from '../../domain/pipeline/attention.ts'
import { stages } from '../../domain/pipeline/run.ts'
import type { Page, RunSummary } from '../../domain/pipeline/run-view.ts'
import { Empty } from '../components/empty.tsx'
import { number, plural } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { Mark } from '../components/mark.tsx'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { inOrder } from '../flows/flows-page.tsx'
import { markOfState } from '../flows/process-state.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { stageName, stagePurpose } from '../names.ts'
import { RunTable } from '../runs/run-table.tsx'

interface Props extends Frame {
  attention: AttentionShown
  /** The first of those that run or wait, and how many there are. */
  running: Page<RunSummary>
  recent: readonly DatasetSummary[]
  recentRuns: readonly RunSummary[]
  /** undefined: no flow is watched. */
  flows?: readonly FlowPicture[] | undefined
  now: Date
}

const Add = () => (
  <a class="button button--primary" href="/datasets/new">
    <Icon name="add" />
    Add dataset
  </a>
)

const Attention = ({ items, hasMore, now }: AttentionShown & { now: Date }) => (
  <Section
    id="attention"
    title="Needs attention"
    count={hasMore ? `more than ${number(items.length)}` : number(items.length)}
    note={hasMore ? 'the newest of each kind' : undefined}
  >
    {items.length === 0 ? (
      <Empty>Nothing waits for you.</Empty>
    ) : (
      <ul class="attention">
        {items.map(({ state, title, detail, href, since }) => (
          <li data-state={state}>
            <Mark state={state} />
            <b>
              <span class="vh">{state}: </span>
              <a href={href}>{title}</a>
            </b>
            {since === null ? null : <RelativeTime at={since} now={now} />}
            <p>{detail}</p>
          </li>
        ))}
      </ul>
    )}
  </Section>
)

const Welcome = () => (
  <>
    <PageHead
      title="Welcome to Signalbox"
      meta={<span>Nothing has run yet. Two steps to the first result; the first takes a minute.</span>}
    />
    <ol class="steps">
      <li>
        <h2>Bring a dataset</h2>
        <p>
          Upload CSV, JSON, JSONL or Parquet. The bytes are encrypted with a key of their own; the original
          never changes.
        </p>
        <div class="actions">
          <Add />
        </div>
      </li>
      <li data-state="later">
        <h2>Send it through the six stages</h2>
        <p>
          You will see what happened to every single record: accepted, quarantined with a reason, rejected by
          score, or found to be a duplicate.
        </p>
      </li>
    </ol>
    <Section id="six" title="What a run does">
      <ol class="rail">
        {stages.map((stage) => (
          <li class="rail__stage" data-state="queued">
            <h3 class="rail__name">
              <Mark state="queued" />
              {stageName[stage]}
            </h3>
            <progress max={100} value={0} aria-label={`${stageName[stage]}, not started`} />
            <p class="rail__why">{stagePurpose[stage]}</p>
          </li>
        ))}
      </ol>
    </Section>
  </>
)

const Latest = ({ recent, now }: { recent: readonly DatasetSummary[]; now: Date }) => (
  <Section
    id="recent"
    title="Latest datasets"
    more={
      <a class="section__more" href="/datasets">
        All datasets
      </a>
    }
  >
    {recent.length === 0 ? (
      <Empty>None yet.</Empty>
    ) : (
      <dl class="facts facts--top">
        {recent.map(({ id, name, conversations, createdAt }) => (
          <div>
            <dt>
              <RelativeTime at={createdAt} now={now} />
            </dt>
            <dd>
              <a href={`/datasets/${id}`}>{name}</a>{' '}
              {conversations === null ? null : (
                <span class="muted">{plural(conversations, 'conversation')}</span>
              )}
            </dd>
          </div>
        ))}
      </dl>
    )}
  </Section>
)

/** More are a page away. */
const mostFlows = 6

/** Every flow in one line, the worst first: the portal's own is among them. */
const Flows = ({ flows }: { flows: readonly FlowPicture[] }) => (
  <Section
    id="flows"
    title="Flows"
    count={number(flows.length)}
    more={
      <a class="section__more" href="/flows">
        All flows
      </a>
    }
  >
    <ul class="attention">
      {inOrder(flows)
        .slice(0, mostFlows)
        .map(({ watched: { id, flow }, assessment }) => (
          <li data-state={markOfState[assessment.state]}>
            <Mark state={markOfState[assessment.state]} />
            <b>
              <span class="vh">{assessment.state.toLowerCase()}: </span>
              <a href={`/flows/${id}`}>{flow.name}</a>
            </b>
            <p>{assessment.sentence}</p>
          </li>
        ))}
    </ul>
  </Section>
)

/** `GET /`: what needs a person, what runs, what came last. */
export const DashboardPage = ({ attention, running, recent, recentRuns, flows, now, ...frame }: Props) => {
  const fresh = [attention.items, running.rows, recent, recentRuns].every(({ length }) => length === 0)
  return (
    <Shell frame={frame} title="Overview" place="overview">
      {fresh ? (
        <>
          <Welcome />
          {flows === undefined ? null : <Flows flows={flows} />}
        </>
      ) : (
        <>
          <PageHead title="Overview" actions={<Add />} />
          <div class="split">
            <div>
              <Attention {...attention} now={now} />
              <Section
                id="running"
                title="Running and queued"
                count={number(running.total)}
                note={
                  running.total > running.rows.length
                    ? `the newest ${number(running.rows.length)}`
                    : undefined
                }
                more={
                  <a class="section__more" href="/runs">
                    All runs
                  </a>
                }
              >
                {running.rows.length === 0 ? (
                  <Empty>Nothing runs at the moment. Start a run from the page of a dataset.</Empty>
                ) : (
                  <RunTable runs={running.rows} labelledBy="running" short now={now} />
                )}
              </Section>
              <Section id="recent-runs" title="Latest runs">
                {recentRuns.length === 0 ? (
                  <Empty>No run yet. Start one from the page of a dataset.</Empty>
                ) : (
                  <RunTable runs={recentRuns} labelledBy="recent-runs" short now={now} />
                )}
              </Section>
            </div>
            <div>
              {flows === undefined ? null : <Flows flows={flows} />}
              <Latest recent={recent} now={now} />
            </div>
          </div>
        </>
      )}
    </Shell>
  )
}
