import { mayPropose } from '../../domain/pipeline/propose-repair.ts'
import { reasonSentence } from '../../domain/pipeline/reasons.ts'
import { type Stage, stages } from '../../domain/pipeline/run.ts'
import type { Page, QuarantinedRow, QuarantineReason, RunSummary } from '../../domain/pipeline/run-view.ts'
import { Choose } from '../components/choose.tsx'
import { Empty } from '../components/empty.tsx'
import { number, plural } from '../components/format.ts'
import { Notice } from '../components/notice.tsx'
import { PageHead } from '../components/page-head.tsx'
import { Pager } from '../components/pager.tsx'
import { Count, Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { stageName } from '../names.ts'
import { runTitle } from './run-table.tsx'

interface Props extends Frame {
  run: Pick<RunSummary, 'id' | 'datasets'>
  rows: Page<QuarantinedRow>
  stage?: Stage | undefined
  reason?: string | undefined
  /** Reasons of the whole run, offered as filters. */
  reasons: readonly QuarantineReason[]
  /** Repairs made under this run; 0 where none may be sent back. */
  repairs: number
  mayWrite: boolean
  /** Why records cannot be sent back yet. */
  isRunning: boolean
  /** Names this showing of the page, so that a button pressed twice starts one run. */
  idempotencyKey: string
  /** What an action over many records did. */
  done?: Done | undefined
}

export interface Done {
  readonly repaired: number
  readonly looked: number
  readonly left: number
  /** Where it stopped. */
  readonly last: string | undefined
}

/** @param dataset its name, where the run has several */
const Row = ({ row, dataset }: { row: QuarantinedRow; dataset: string | undefined }) => {
  const { title, todo } = reasonSentence(row.reason)
  return (
    <tr>
      <th scope="row" class="main-cell">
        {title} <span class="id">{row.reason}</span>
        {row.isRepaired ? (
          <>
            {' '}
            <span class="tag">repaired</span>
          </>
        ) : null}
        <span class="sub">{todo}</span>
      </th>
      <td data-label="Stage">{stageName[row.stage]}</td>
      {dataset === undefined ? null : (
        <td data-label="Dataset">
          <a href={`/datasets/${row.datasetId}`}>{dataset}</a>
        </td>
      )}
      <td data-label="File">{row.file}</td>
      <Count value={row.ordinal} label="Record" href={row.href} />
      <Count value={row.line} label="Line" otherwise="none" />
      <Count value={row.byteOffset} label="Byte" otherwise="none" />
    </tr>
  )
}

/** Which of several datasets a record is from; undefined where a run has one. */
export const datasetOf = (run: Pick<RunSummary, 'datasets'>, datasetId: string): string | undefined =>
  run.datasets.length < 2 ? undefined : (run.datasets.find(({ id }) => id === datasetId)?.name ?? datasetId)

const Filter = ({ run, reasons, stage, reason }: Pick<Props, 'run' | 'reasons' | 'stage' | 'reason'>) => (
  <form class="toolbar" aria-label="Filter quarantined records" action={`/runs/${run.id}/quarantine`}>
    <Choose
      name="stage"
      label="Stage"
      any="Any stage"
      value={stage}
      options={stages.map((each) => ({ value: each, label: stageName[each] }))}
    />
    <Choose
      name="reason"
      label="Reason"
      any="Any reason"
      value={reason}
      options={[...new Set(reasons.map((each) => each.reason))].map((code) => ({
        value: code,
        label: reasonSentence(code).title,
      }))}
    />
    <button class="button" type="submit">
      Filter
    </button>
  </form>
)

const repairsHref = (runId: string, query: Record<string, string>): string =>
  `/runs/${runId}/quarantine/repairs?${new URLSearchParams(query)}`

/** What the last action over many records did, and the way to those it did not come to. */
const DoneNotice = ({ run, stage, reason, done }: Pick<Props, 'run' | 'stage' | 'reason' | 'done'>) =>
  done === undefined ? null : (
    <Notice
      state="healthy"
      actions={
        done.left === 0 ||
        done.last === undefined ||
        stage === undefined ||
        reason === undefined ? undefined : (
          <a class="button button--s" href={repairsHref(run.id, { stage, reason, after: done.last })}>
            Go on with the rest
          </a>
        )
      }
    >
      {`Repaired ${number(done.repaired)} of ${plural(done.looked, 'record')} looked at; ${
        done.left === 0 ? 'none is left to look at' : `${number(done.left)} are left to look at`
      }.`}
    </Notice>
  )

const Actions = ({
  run,
  rows,
  stage,
  reason,
  repairs,
  isRunning,
  idempotencyKey,
}: Omit<Props, keyof Frame>) => (
  <>
    {stage !== undefined && reason !== undefined && mayPropose(reason) && rows.total > 0 ? (
      <a class="button" href={repairsHref(run.id, { stage, reason })}>
        Apply the proposed repair to all {number(rows.total)} of this reason…
      </a>
    ) : null}
    {repairs === 0 ? null : isRunning ? (
      <span class="muted">{plural(repairs, 'repair')}: they can be run when this run has ended</span>
    ) : (
      <form method="post" action={`/runs/${run.id}/follow-up`}>
        <input type="hidden" name="idempotencyKey" value={idempotencyKey} />
        <button class="button button--primary" type="submit">
          Run again with {plural(repairs, 'repair')}
        </button>
      </form>
    )}
  </>
)

/** `GET /runs/:id/quarantine?stage=…&reason=…&page=…`: where each record stands, never what it says. */
export const QuarantinePage = ({ viewer, notices, ...props }: Props) => {
  const { run, rows, stage, reason, reasons } = props
  return (
    <Shell frame={{ viewer, notices }} title={`Quarantine of ${runTitle(run.datasets)}`} place="runs">
      <PageHead
        title="Quarantine"
        count={number(rows.total)}
        crumbs={[
          { text: 'Runs', href: '/runs' },
          { text: runTitle(run.datasets), href: `/runs/${run.id}` },
          { text: 'Quarantine' },
        ]}
        meta={<span>Each record with a reason, kept so that the others could go on. Nothing is lost.</span>}
        actions={props.mayWrite ? <Actions {...props} /> : undefined}
      />
      <DoneNotice {...props} />
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
              {run.datasets.length < 2 ? null : <th scope="col">Dataset</th>}
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
              <Row row={row} dataset={datasetOf(run, row.datasetId)} />
            ))}
          </tbody>
        </Table>
      )}
      <Pager page={rows} path={`/runs/${run.id}/quarantine`} query={{ stage, reason }} />
    </Shell>
  )
}
