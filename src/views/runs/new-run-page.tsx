import { type ChosenDataset, mostDatasets } from '../../domain/pipeline/dataset-choice.ts'
import type { RunConfiguration } from '../../domain/pipeline/run.ts'
import { ErrorSummary, type FormProblem, problemOf } from '../components/error-summary.tsx'
import { bytes, number, plural } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { Mark } from '../components/mark.tsx'
import { PageHead } from '../components/page-head.tsx'
import { Section } from '../components/section.tsx'
import { Count, Table } from '../components/table.tsx'
import { type CheckChoice, RunFields } from '../datasets/run-form.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'

interface Props extends Frame {
  /** In the order in which the run reads them. */
  datasets: readonly ChosenDataset[]
  /** What the form starts with; the defaults of a run otherwise. */
  configuration?: RunConfiguration | undefined
  priority?: number | undefined
  idempotencyKey: string
  checks: readonly CheckChoice[]
  problems: readonly FormProblem[]
}

const addressOf = (path: string, ids: readonly string[]): string =>
  `${path}?${new URLSearchParams(ids.map((id) => ['dataset', id]))}`

interface RowProps {
  datasets: readonly ChosenDataset[]
  at: number
  problem: string | undefined
}

const Row = ({ datasets, at, problem }: RowProps) => {
  const ids = datasets.map(({ id }) => id)
  const dataset = datasets[at]
  const before = ids[at - 1]
  if (dataset === undefined) return null
  const { id, name } = dataset
  const earlier =
    before === undefined ? undefined : [...ids.slice(0, at - 1), id, before, ...ids.slice(at + 1)]
  return (
    <tr id={`chosen-${id}`} tabindex={-1}>
      <th scope="row" class="main-cell">
        <a href={`/datasets/${id}`}>{name}</a> <span class="id">{id}</span>
        {problem === undefined ? null : (
          <span class="field__error">
            <Mark state="failed" />
            {problem}
          </span>
        )}
      </th>
      <Count value={at + 1} label="Order" />
      <Count value={dataset.files} label="Files" />
      <td class="num" data-label="Size">
        {bytes(dataset.bytes)}
      </td>
      <Count value={dataset.conversations} label="Conversations" otherwise="not counted" />
      <td class="row-actions">
        {earlier === undefined ? null : (
          <a class="button button--s" href={addressOf('/runs/new', earlier)}>
            Earlier<span class="vh">: read {name} before the one above</span>
          </a>
        )}
        {ids.length === 1 ? null : (
          <a
            class="button button--s"
            href={addressOf(
              '/runs/new',
              ids.filter((other) => other !== id),
            )}
          >
            Leave out<span class="vh"> {name}</span>
          </a>
        )}
      </td>
    </tr>
  )
}

/** `GET /runs/new?dataset=…&dataset=…`: what was chosen, and how one run over all of it is to work. */
export const NewRunPage = ({
  datasets,
  configuration,
  priority,
  idempotencyKey,
  checks,
  problems,
  ...frame
}: Props) => {
  const ids = datasets.map(({ id }) => id)
  const size = datasets.reduce((sum, dataset) => sum + dataset.bytes, 0)
  return (
    <Shell frame={frame} title="Run together" place="runs">
      <PageHead
        title="Run together"
        crumbs={[{ text: 'Runs', href: '/runs' }, { text: 'Run together' }]}
        meta={<span>One run, one ledger and one set of exports over all of them, in this order.</span>}
      />
      <ErrorSummary title="This cannot be run yet" problems={problems} />
      <Section
        id="datasets"
        title="Datasets"
        count={number(datasets.length)}
        note={bytes(size)}
        more={
          <a class="section__more" href={addressOf('/datasets', ids)}>
            {ids.length < mostDatasets ? 'Add or change' : 'Change'}
          </a>
        }
      >
        <Table labelledBy="datasets" kind="table--stack">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" class="num">
                Order
              </th>
              <th scope="col" class="num">
                Files
              </th>
              <th scope="col" class="num">
                Size
              </th>
              <th scope="col" class="num">
                Conversations
              </th>
              <th scope="col">
                <span class="vh">Change</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {datasets.map(({ id }, at) => (
              <Row datasets={datasets} at={at} problem={problemOf(problems, `chosen-${id}`)} />
            ))}
          </tbody>
        </Table>
      </Section>
      <Section id="run" title="Run">
        <form class="options" method="post" action="/runs">
          {ids.map((id) => (
            <input type="hidden" name="dataset" value={id} />
          ))}
          <RunFields
            checks={checks}
            configuration={configuration}
            priority={priority}
            idempotencyKey={idempotencyKey}
            problems={problems}
          />
          <p class="actions">
            <button class="button button--primary" type="submit">
              <Icon name="run" />
              Run {plural(ids.length, 'dataset')}
            </button>
            <a class="button button--quiet" href={addressOf('/datasets', ids)}>
              Back to the list
            </a>
          </p>
        </form>
      </Section>
    </Shell>
  )
}
