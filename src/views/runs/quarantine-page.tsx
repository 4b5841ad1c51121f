import { reasonSentence } from '../../domain/pipeline/reasons.ts'
import { type Stage, stages } from '../../domain/pipeline/run.ts'
import type { Page, QuarantineReason, QuarantineRow, RunSummary } from '../../domain/pipeline/run-view.ts'
import { Empty } from '../components/empty.tsx'
import { number } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { Pager } from '../components/pager.tsx'
import { Count, Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { stageName } from '../names.ts'
import { runTitle } from './run-table.tsx'

interface Props extends Frame {
  run: Pick<RunSummary, 'id' | 'datasets'>
  rows: Page<QuarantineRow>
  stage?: Stage | undefined
  reason?: string | undefined
  /** Reasons of the whole run, offered as filters. */
  reasons: readonly QuarantineReason[]
}

const Row = ({ row }: { row: QuarantineRow }) => {
  const { title, todo } = reasonSentence(row.reason)
  return (
    <tr>
      <th scope="row" class="main-cell">
        {title} <span class="id">{row.reason}</span>
        <span class="sub">{todo}</span>
      </th>
      <td data-label="Stage">{stageName[row.stage]}</td>
      <td data-label="File">{row.file}</td>
      <Count value={row.ordinal} label="Record" />
      <Count value={row.line} label="Line" otherwise="none" />
      <Count value={row.byteOffset} label="Byte" otherwise="none" />
    </tr>
  )
}

const Filter = ({ run, reasons, stage, reason }: Pick<Props, 'run' | 'reasons' | 'stage' | 'reason'>) => (
  <form class="toolbar" aria-label="Filter quarantined records" action={`/runs/${run.id}/quarantine`}>
    <label class="vh" for="stage">
      Stage
    </label>
    <select class="select" id="stage" name="stage">
      <option value="">Any stage</option>
      {stages.map((each) => (
        <option value={each} selected={each === stage}>
          {stageName[each]}
        </option>
      ))}
    </select>
    <label class="vh" for="reason">
      Reason
    </label>
    <select class="select" id="reason" name="reason">
      <option value="">Any reason</option>
      {[...new Set(reasons.map((each) => each.reason))].map((code) => (
        <option value={code} selected={code === reason}>
          {reasonSentence(code).title}
        </option>
      ))}
    </select>
    <button class="button" type="submit">
      Filter
    </button>
  </form>
)

/** `GET /runs/:id/quarantine?stage=…&reason=…&page=…`: where each record stands, never what it says. */
export const QuarantinePage = ({ run, rows, stage, reason, reasons, ...frame }: Props) => (
  <Shell frame={frame} title={`Quarantine of ${runTitle(run.datasets)}`} place="runs">
    <PageHead
      title="Quarantine"
      count={number(rows.total)}
      crumbs={[
        { text: 'Runs', href: '/runs' },
        { text: runTitle(run.datasets), href: `/runs/${run.id}` },
        { text: 'quarantine' },
      ]}
      meta={<span>Records kept aside with a reason, so that the others could go on. Nothing is lost.</span>}
    />
    <Filter run={run} reasons={reasons} stage={stage} reason={reason} />
    <h2 class="vh" id="records">
      Quarantined records
    </h2>
    {rows.rows.length === 0 ? (
      <Empty>
        {stage === undefined && reason === undefined
          ? 'Nothing is in quarantine.'
          : 'No quarantined record fits the filter.'}{' '}
        <a href={`/runs/${run.id}`}>Back to the run</a>
      </Empty>
    ) : (
      <Table labelledBy="records" kind="table--stack">
        <thead>
          <tr>
            <th scope="col">Reason</th>
            <th scope="col">Stage</th>
            <th scope="col">File</th>
            <th scope="col" class="num">
              Record
            </th>
            <th scope="col" class="num">
              Line
            </th>
            <th scope="col" class="num">
              Byte
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.rows.map((row) => (
            <Row row={row} />
          ))}
        </tbody>
      </Table>
    )}
    <Pager page={rows} path={`/runs/${run.id}/quarantine`} query={{ stage, reason }} />
  </Shell>
)
