import type { CheckResult } from '../../domain/flows/checks/check-result.ts'
import { performanceInWords, quantityInWords } from '../../domain/flows/checks/quantity.ts'
import { checkTypes } from '../../domain/flows/checks/registry.ts'
import type { Check, Process } from '../../domain/flows/flow.ts'
import type { FlowPicture } from '../../domain/flows/monitor/flow-monitor.ts'
import { type CheckView, nextRunAt } from '../../domain/flows/state/check-state.ts'
import { isVirtual } from '../../domain/flows/state/virtual-check.ts'
import { Empty } from '../components/empty.tsx'
import { Facts } from '../components/facts.tsx'
import { duration, number, plural } from '../components/format.ts'
import { Notice } from '../components/notice.tsx'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { State } from '../components/state.tsx'
import { Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { DrillDown, type Results } from './drill-down.tsx'
import { markOfState, ProcessState } from './process-state.tsx'

interface ChecksProps {
  picture: FlowPicture
  process: Process
  /** Whether the reader may have a check run now. */
  mayCheck: boolean
  now: Date
}

interface Props extends Frame, ChecksProps {
  /** The check whose run was just asked for. */
  asked: string | undefined
  /** undefined: this process lists no results. */
  results: Results | undefined
}

/** `GET /flows/:flow/processes/:process?q=…&page=…`: the checks of a process with their evidence, and its results. */
export const ProcessPage = ({ picture, process, mayCheck, asked, results, now, ...frame }: Props) => {
  const { watched, assessment } = picture
  const assessed = assessment.processes.find(({ id }) => id === process.id)
  return (
    <Shell frame={frame} title={`${process.name}, ${watched.flow.name}`} place="flows" live>
      <PageHead
        title={process.name}
        crumbs={[
          { text: 'Flows', href: '/flows' },
          { text: watched.flow.name, href: `/flows/${watched.id}` },
          { text: process.id },
        ]}
        meta={process.description === undefined ? undefined : <span>{process.description}</span>}
      />
      {asked === undefined ? null : (
        <div class="notices">
          <Notice state="healthy">{`A run of ${asked} was asked for. What it finds shows below in a moment.`}</Notice>
        </div>
      )}
      <div id="process-live">
        {assessed === undefined ? null : (
          <p class="flow-headline__state">
            <ProcessState process={assessed} processes={assessment.processes} />
          </p>
        )}
        <ProcessChecks picture={picture} process={process} mayCheck={mayCheck} now={now} />
      </div>
      {results === undefined ? null : <DrillDown results={results} now={now} />}
      <About process={process} picture={picture} />
    </Shell>
  )
}

/** The checks of a process; also the fragment that the page asks for by itself. */
export const ProcessChecks = ({ picture, process, mayCheck, now }: ChecksProps) => {
  const { watched, assessment } = picture
  const checks = watched.flow.checks.filter((check) => check.process === process.id)
  return (
    <>
      <div
        id="process-poll"
        hidden
        hx-get={`/flows/${watched.id}/processes/${process.id}`}
        hx-trigger="every 2s"
        hx-target="#process-live"
        hx-swap="innerMorph"
        hx-select="#process-live > *"
        hx-config="timeout:8s"
      />
      <div id="process-checks">
        <Section id="checks" title="Checks" count={number(checks.length)}>
          {checks.length === 0 ? (
            <Empty>
              Nothing is checked at this process, so it is UNKNOWN for ever. Add a health check to{' '}
              <code>{watched.file}</code>.
            </Empty>
          ) : (
            checks.map((check) => (
              <CheckDetail
                flowId={watched.id}
                check={check}
                view={assessment.checks.get(check.id)}
                mayCheck={mayCheck}
                now={now}
              />
            ))
          )}
        </Section>
      </div>
    </>
  )
}

interface DetailProps {
  flowId: string
  check: Check
  view: CheckView | undefined
  mayCheck: boolean
  now: Date
}

const CheckDetail = ({ flowId, check, view, mayCheck, now }: DetailProps) => {
  const result = isVirtual(check) ? undefined : view?.memory?.result
  return (
    <article class="check-detail" id={`check-${check.id}`} aria-labelledby={`name-${check.id}`}>
      <header class="check-detail__head">
        <h3 id={`name-${check.id}`}>{check.id}</h3>
        <span class="id">{check.namedType}</span>
        {check.enabled ? (
          <State
            state={markOfState[view?.state ?? 'UNKNOWN']}
            more={
              view?.confirming === undefined
                ? undefined
                : `failing, ${view.confirming.count} of ${view.confirming.of}`
            }
          />
        ) : (
          <State state="cancelled" word="Switched off" />
        )}
        {check.severity === 'critical' ? null : <span class="tag">{check.severity}</span>}
        {mayCheck && check.enabled && !isVirtual(check) ? (
          <form class="check-detail__now" method="post" action={`/flows/${flowId}/checks/${check.id}/runs`}>
            <button class="button button--s" type="submit" aria-label={`Check now: ${check.id}`}>
              Check now
            </button>
          </form>
        ) : null}
      </header>
      {check.description === undefined ? null : <p class="quiet">{check.description}</p>}
      <p>{view?.message ?? 'It has not run yet.'}</p>
      <Facts facts={factsOf(check, view, now)} />
      {result?.evidence === undefined || result.evidence.length === 0 ? null : (
        <Table labelledBy={`name-${check.id}`} kind="table--dense">
          <thead>
            <tr>
              <th scope="col">Evidence</th>
              <th scope="col">Value</th>
            </tr>
          </thead>
          <tbody>
            {result.evidence.map(({ label, value }) => (
              <tr>
                <th scope="row">{label}</th>
                <td class="mono evidence">{value}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </article>
  )
}

function factsOf(check: Check, view: CheckView | undefined, now: Date) {
  const memory = isVirtual(check) ? undefined : view?.memory
  const result = memory?.result
  const time = (at: number | undefined, otherwise: string) =>
    at === undefined ? otherwise : <RelativeTime at={new Date(at)} now={now} />
  const known = (label: string, value: string | undefined) =>
    value === undefined || value === '' ? [] : [{ label, value }]
  return [
    ...known('Expected', result?.expected),
    ...known('Observed', result?.observed),
    ...known('Reason', view?.reason?.replaceAll('_', ' ')),
    ...known('Value', measuredOf(check, result)),
    ...known(
      'Performance data',
      result?.performance
        ?.map(({ label, value, unit }) => `${label} ${performanceInWords(value, unit)}`)
        .join(', '),
    ),
    ...known('Time left', result?.failsIn === undefined ? undefined : duration(result.failsIn)),
    { label: 'Since', value: time(view?.since, 'not yet known') },
    { label: 'Last run', value: time(memory?.at, 'not yet') },
    { label: 'Last good', value: time(memory?.lastOkAt, 'never') },
    {
      label: 'Next run',
      value:
        memory === undefined ? (
          'soon'
        ) : (
          <>
            {new Date(nextRunAt(check, memory)).toISOString().slice(11, 19)} UTC, every{' '}
            {duration(check.interval)}
          </>
        ),
    },
    { label: 'Red within', value: duration(check.detectionBudget) },
    ...known('Owner', check.owner),
    ...(check.runbook === undefined ? [] : [{ label: 'Runbook', value: runbookOf(check.runbook) }]),
    ...known('Tags', check.tags.join(', ')),
  ]
}

/** The measured number, unless what was observed or the performance data says it already. */
function measuredOf({ type }: Check, result: CheckResult | undefined): string | undefined {
  if (result?.value === undefined || (result.performance?.length ?? 0) > 0) return undefined
  const { unit } = checkTypes[type]
  const value = quantityInWords(result.value, unit)
  return result.observed === value || result.observed?.startsWith(`${value} (`) ? undefined : value
}

/** A link only where a browser may follow it: a file may name any place. */
const runbookOf = (place: string) =>
  /^https?:\/\//i.test(place) ? (
    <a href={place} rel="noreferrer noopener">
      {place}
    </a>
  ) : (
    place
  )

const About = ({ process, picture: { watched } }: { process: Process; picture: FlowPicture }) => {
  const named = (ids: readonly string[]) =>
    ids.map((id, at) => (
      <>
        {at === 0 ? '' : ', '}
        <a href={`/flows/${watched.id}/processes/${id}`}>
          {watched.flow.processes.find((other) => other.id === id)?.name ?? id}
        </a>
      </>
    ))
  const before = watched.flow.connections.filter(({ to }) => to === process.id).map(({ from }) => from)
  const after = watched.flow.connections.filter(({ from }) => from === process.id).map(({ to }) => to)
  const { rollup } = process
  return (
    <Section id="about" title="About this process">
      <Facts
        facts={[
          { label: 'Fed by', value: before.length === 0 ? 'nothing of this flow' : named(before) },
          { label: 'Feeds', value: after.length === 0 ? 'nothing of this flow' : named(after) },
          {
            label: 'Its state is',
            value:
              typeof rollup === 'string'
                ? `the ${rollup} of its checks`
                : `good with ${plural(rollup.at_least, 'check')} of ${rollup.of.join(', ')}`,
          },
          { label: 'Owner', value: process.owner ?? 'not said' },
          {
            label: 'Runbook',
            value: process.runbook === undefined ? 'none' : runbookOf(process.runbook),
          },
          ...(process.tags.length === 0 ? [] : [{ label: 'Tags', value: process.tags.join(', ') }]),
        ]}
      />
    </Section>
  )
}
