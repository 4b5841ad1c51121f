import type { DatasetSummary } from '../../domain/datasets/summaries.ts'
import { type RunStatus, runStatuses } from '../../domain/pipeline/run.ts'
import type { Page } from '../../domain/pipeline/run-view.ts'
import { Empty, EmptyPage } from '../components/empty.tsx'
import { bytes, number, percent, plural, score } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { PageHead } from '../components/page-head.tsx'
import { Pager, pageHref } from '../components/pager.tsx'
import { overallShare } from '../components/rail.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { State } from '../components/state.tsx'
import { Count, Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { formatName } from '../names.ts'

/** Filter by the last run's state; `none` for datasets that never ran. */
export type DatasetFilter = RunStatus | 'none'

interface Props extends Frame {
  datasets: Page<DatasetSummary>
  /** What was searched for. */
  q?: string | undefined
  status?: DatasetFilter | undefined
  /** Ids chosen so far to be run together, on this page or another; absent for who may not start runs. */
  chosen?: readonly string[] | undefined
  now: Date
}

/** The toolbar's form; boxes in the table, the pager and “Run together” belong to it too, so that a choice goes along. */
const form = 'choice'

const filters: readonly { value: DatasetFilter; label: string }[] = [
  { value: 'none', label: 'Never run' },
  ...runStatuses.map((value) => ({ value, label: value.charAt(0).toUpperCase() + value.slice(1) })),
]

const Score = ({ value, otherwise }: { value: number | null; otherwise: string }) =>
  value === null ? (
    <span class="muted nowrap">{otherwise}</span>
  ) : (
    <span class="cellbar">
      <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect width={Math.round(value * 100)} height="6" />
      </svg>
      <span class="num">{score(value)}</span>
    </span>
  )

const LastRun = ({ dataset: { lastRun } }: { dataset: DatasetSummary }) => {
  if (lastRun === null) return <span class="muted">not run</span>
  const share = lastRun.status === 'running' ? overallShare(lastRun.stages) : null
  return (
    <a href={`/runs/${lastRun.id}`}>
      <State state={lastRun.status} more={share === null ? undefined : percent(share)} />
    </a>
  )
}

interface RowProps {
  dataset: DatasetSummary
  /** Undefined where nothing can be chosen. */
  isChosen: boolean | undefined
  now: Date
}

const Row = ({ dataset, isChosen, now }: RowProps) => {
  const state = dataset.lastRun?.status
  // What a run over several datasets counted is of all of them.
  const otherwise = dataset.lastRun !== null && dataset.countedRunId === null ? 'with others' : 'pending'
  return (
    <tr data-state={state === 'failed' || state === 'running' ? state : undefined}>
      <th scope="row" class={isChosen === undefined ? 'main-cell' : 'main-cell has-pick'}>
        {isChosen === undefined ? null : (
          <label class="pick">
            <input
              type="checkbox"
              form={form}
              id={`choose-${dataset.id}`}
              name="dataset"
              value={dataset.id}
              checked={isChosen}
            />
            <span class="vh">Choose {dataset.name}</span>
          </label>
        )}
        <a href={`/datasets/${dataset.id}`}>{dataset.name}</a> <span class="id">{dataset.id}</span>
        {dataset.shape === null ? null : (
          <span class="sub">
            {dataset.shape}
            {dataset.files === 1 ? null : `, ${plural(dataset.files, 'file')}`}
          </span>
        )}
      </th>
      <td data-label="Format">
        {dataset.formats.length === 0 ? (
          <span class="muted">none</span>
        ) : (
          dataset.formats.map((format) => formatName[format]).join(', ')
        )}
      </td>
      <td class="num" data-label="Size">
        {bytes(dataset.bytes)}
      </td>
      <Count value={dataset.records} label="Records" otherwise={otherwise} />
      <Count value={dataset.conversations} label="Conversations" otherwise={otherwise} />
      <Count
        value={dataset.quarantined}
        label="Quarantined"
        otherwise={otherwise}
        href={dataset.countedRunId === null ? undefined : `/runs/${dataset.countedRunId}/quarantine`}
      />
      <td data-label="Score">
        <Score value={dataset.meanScore} otherwise={otherwise} />
      </td>
      <td data-label="Last run">
        <LastRun dataset={dataset} />
      </td>
      <td class="num" data-label="Added">
        <RelativeTime at={dataset.createdAt} now={now} />
      </td>
      <td data-label="Owner">{dataset.owner}</td>
    </tr>
  )
}

const heads: readonly [text: string, numeric: boolean][] = [
  ['Name', false],
  ['Format', false],
  ['Size', true],
  ['Records', true],
  ['Conversations', true],
  ['Quarantined', true],
  ['Score', false],
  ['Last run', false],
  ['Added', true],
  ['Owner', false],
]

const Add = () => (
  <a class="button button--primary" href="/datasets/new">
    <Icon name="add" />
    Add dataset
  </a>
)

const Filter = ({
  q,
  status,
  total,
  elsewhere,
}: {
  q: string | undefined
  status: DatasetFilter | undefined
  total: number
  /** Chosen ids that are not on this page. */
  elsewhere: readonly string[]
}) => (
  // biome-ignore lint/a11y/useSemanticElements: <search> is not yet known to every screen reader
  <form class="toolbar" id={form} role="search" aria-label="Filter datasets" action="/datasets">
    <label class="vh" for="q">
      Search by name or id
    </label>
    <input class="input" id="q" type="search" name="q" placeholder="Name or id" value={q} />
    <label class="vh" for="status">
      State of the last run
    </label>
    <select class="select" id="status" name="status">
      <option value="">Any state</option>
      {filters.map(({ value, label }) => (
        <option value={value} selected={value === status}>
          {label}
        </option>
      ))}
    </select>
    <button class="button" type="submit">
      Filter
    </button>
    <span class="toolbar__count">{plural(total, 'dataset')}</span>
    {elsewhere.map((id) => (
      <input type="hidden" name="dataset" value={id} />
    ))}
  </form>
)

/** What is chosen and what can be done with it; the script keeps the count. */
const Together = ({ elsewhere, none }: { elsewhere: number; none: string | undefined }) => (
  <div class="bulk bulk--foot">
    <p data-no-script>
      Tick the datasets to run together
      {elsewhere === 0 ? '.' : `; ${number(elsewhere)} chosen before are not on this page.`}
    </p>
    <p data-chosen={form} data-elsewhere={elsewhere} role="status" hidden />
    <button class="button" id="run-together" type="submit" form={form} formaction="/runs/new">
      <Icon name="run" />
      Run together
    </button>
    {none === undefined ? null : <a href={none}>Choose none</a>}
  </div>
)

/** `GET /datasets?q=…&status=…&page=…&dataset=…&dataset=…`, the last ones being chosen. */
export const DatasetsPage = ({ datasets, q, status, chosen: asked, now, ...frame }: Props) => {
  const filtered = (q !== undefined && q !== '') || status !== undefined
  // One alone is run on its own page.
  const chosen = datasets.total > 1 || filtered || asked?.length !== 0 ? asked : undefined
  const here = new Set(datasets.rows.map(({ id }) => id))
  const elsewhere = (chosen ?? []).filter((id) => !here.has(id))
  const withChoice = `/datasets?${new URLSearchParams((chosen ?? []).map((id) => ['dataset', id]))}`
  return (
    <Shell frame={frame} title="Datasets" place="datasets">
      <PageHead title="Datasets" count={number(datasets.total)} actions={<Add />} />
      {datasets.total === 0 && !filtered ? (
        <EmptyPage title="No dataset yet">
          Upload CSV, JSON, JSONL or Parquet with “Add dataset”. Signalbox finds out how the conversations are
          written, shows you the evidence, and changes nothing in the original.
        </EmptyPage>
      ) : (
        <>
          <Filter q={q} status={status} total={datasets.total} elsewhere={elsewhere} />
          <h2 class="vh" id="datasets">
            List of datasets
          </h2>
          {datasets.rows.length === 0 ? (
            <Empty>
              No dataset fits{q === undefined || q === '' ? ' the filter' : ` “${q}”`}.{' '}
              <a href={elsewhere.length === 0 ? '/datasets' : withChoice}>Show all datasets</a>
            </Empty>
          ) : (
            <Table labelledBy="datasets" kind="table--stack">
              <thead>
                <tr>
                  {heads.map(([text, numeric]) => (
                    <th scope="col" class={numeric ? 'num' : undefined}>
                      {text}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {datasets.rows.map((dataset) => (
                  <Row
                    dataset={dataset}
                    isChosen={dataset.mayRun ? chosen?.includes(dataset.id) : undefined}
                    now={now}
                  />
                ))}
              </tbody>
            </Table>
          )}
          {chosen === undefined || (datasets.rows.length === 0 && elsewhere.length === 0) ? null : (
            <Together
              elsewhere={elsewhere.length}
              none={chosen.length === 0 ? undefined : pageHref('/datasets', { q, status }, datasets.page)}
            />
          )}
          <Pager
            page={datasets}
            path="/datasets"
            query={{ q, status }}
            form={chosen === undefined ? undefined : form}
          />
        </>
      )}
    </Shell>
  )
}
