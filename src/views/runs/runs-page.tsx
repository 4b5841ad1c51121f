import { modes, runStatuses } from '../../domain/pipeline/run.ts'
import type { Page, RunFilter, RunSummary } from '../../domain/pipeline/run-view.ts'
import { Choose } from '../components/choose.tsx'
import { Empty, EmptyPage } from '../components/empty.tsx'
import { plural } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { Pager, pageHref } from '../components/pager.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { modeName } from '../names.ts'
import { RunTable } from './run-table.tsx'

interface ListProps {
  runs: Page<RunSummary>
  filter?: RunFilter | undefined
  /** Ids of the runs on this page that are stuck. */
  stuck?: ReadonlySet<string> | undefined
  now: Date
}

interface Props extends Frame, ListProps {
  /** Whose runs can be asked for; empty for whoever sees only their own. */
  owners?: readonly { readonly id: string; readonly name: string }[] | undefined
}

const word = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

const names = {
  status: 'State',
  mode: 'Mode',
  owner: 'By',
  dataset: 'Dataset',
  from: 'From',
  to: 'To',
  progress: 'Progress',
} as const satisfies Record<keyof RunFilter, string>
const keys = ['status', 'mode', 'owner', 'dataset', 'from', 'to', 'progress'] as const

/** What is asked for, each with the list without it. */
function chosen(filter: RunFilter, owners: Props['owners'] = []) {
  return keys.flatMap((key) => {
    const value = filter[key]
    if (value === undefined) return []
    const owner = owners.find(({ id }) => id === value)?.name
    const shown = key === 'owner' ? (owner ?? value) : key === 'dataset' ? `“${value}”` : value
    return [{ text: `${names[key]}: ${shown}`, href: pageHref('/runs', { ...filter, [key]: undefined }, 1) }]
  })
}

const Day = ({ name, value }: { name: 'from' | 'to'; value: string | undefined }) => (
  <label class="toolbar__field">
    {names[name]}
    <input class="input input--date" type="date" name={name} value={value} />
  </label>
)

const Filters = ({ filter, owners = [] }: { filter: RunFilter; owners: Props['owners'] }) => (
  <form class="toolbar" aria-label="Filter runs" action="/runs">
    <label class="vh" for="dataset">
      Dataset
    </label>
    <input
      class="input"
      id="dataset"
      name="dataset"
      type="search"
      placeholder="Dataset, name or id"
      value={filter.dataset}
      maxlength={200}
    />
    <Choose
      name="status"
      label={names.status}
      any="Any state"
      value={filter.status}
      options={runStatuses.map((value) => ({ value, label: word(value) }))}
    />
    <Choose
      name="mode"
      label={names.mode}
      any="Any mode"
      value={filter.mode}
      options={modes.map((value) => ({ value, label: modeName[value] }))}
    />
    <Choose
      name="progress"
      label={names.progress}
      any="Any progress"
      value={filter.progress}
      options={[{ value: 'stuck', label: 'Stuck' }]}
    />
    {owners.length === 0 ? null : (
      <Choose
        name="owner"
        label={names.owner}
        any="By anyone"
        value={filter.owner}
        options={owners.map(({ id, name }) => ({ value: id, label: name }))}
      />
    )}
    <Day name="from" value={filter.from} />
    <Day name="to" value={filter.to} />
    <span class="toolbar__field">UTC</span>
    <button class="button" type="submit">
      Filter
    </button>
  </form>
)

const isLive = ({ status }: RunSummary): boolean => status === 'queued' || status === 'running'

/**
 * The part of the page that changes; also the fragment htmx asks for. It asks again in two seconds while a run on it can
 * change: the element that asks is part of what is swapped, so that it goes with the last live row.
 */
export const RunList = ({
  runs,
  filter = {},
  owners,
  stuck,
  now,
}: ListProps & { owners?: Props['owners'] }) => {
  const active = chosen(filter, owners)
  return (
    <>
      {runs.rows.some(isLive) ? (
        <div
          id="runs-poll"
          hidden
          hx-get={pageHref('/runs', { ...filter }, runs.page)}
          hx-trigger="every 2s"
          hx-target="#run-list"
          hx-swap="innerMorph"
          hx-config="timeout:8s"
        />
      ) : null}
      <p class="filters">
        <span class="filters__count">{plural(runs.total, 'run')}</span>
        {active.map(({ text, href }) => (
          <a class="filters__one" href={href}>
            {text} <span aria-hidden="true">×</span>
            <span class="vh">, remove this filter</span>
          </a>
        ))}
        {active.length < 2 ? null : <a href="/runs">Clear all filters</a>}
      </p>
      {runs.rows.length === 0 ? (
        <Empty>
          {runs.total > 0
            ? 'Nothing on this page. '
            : `No run matches ${active.map(({ text }) => text).join(', ')}. `}
          <a href={runs.total > 0 ? pageHref('/runs', { ...filter }, 1) : '/runs'}>
            {runs.total > 0 ? 'Go to the first page' : 'Show all runs'}
          </a>
        </Empty>
      ) : (
        <RunTable runs={runs.rows} labelledBy="runs" stuck={stuck} now={now} />
      )}
      <Pager page={runs} path="/runs" query={{ ...filter }} />
    </>
  )
}

/** `GET /runs?status=…&mode=…&owner=…&dataset=…&from=…&to=…&progress=stuck&page=…` */
export const RunsPage = ({ runs, filter = {}, owners, stuck, now, ...frame }: Props) => (
  <Shell frame={frame} title="Runs" place="runs" live={runs.rows.some(isLive)}>
    <PageHead title="Runs" />
    {runs.total === 0 && chosen(filter).length === 0 ? (
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
        <Filters filter={filter} owners={owners} />
        <h2 class="vh" id="runs">
          List of runs
        </h2>
        <div id="run-list">
          <RunList runs={runs} filter={filter} owners={owners} stuck={stuck} now={now} />
        </div>
      </>
    )}
  </Shell>
)
