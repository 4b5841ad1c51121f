import { isExact } from '../../domain/pipeline/ledger.ts'
import { type LedgerRow, type Stage, stillInside } from '../../domain/pipeline/run.ts'
import type { StageView } from '../../domain/pipeline/run-view.ts'
import { stageName } from '../names.ts'
import { number } from './format.ts'
import { State } from './state.tsx'
import { Table } from './table.tsx'

interface Props {
  ledger: readonly LedgerRow[]
  stages: readonly StageView[]
  /** Where the quarantined records of a stage are listed. */
  quarantineHref: (stage: Stage) => string
}

/** The sign between two columns, drawn by the stylesheet: numbers alone are read out. */
const Op = ({ sign }: { sign?: string }) => <td class="op" data-sign={sign} />

const Cell = ({ value, href, moving }: { value: number; href?: string; moving?: boolean }) => (
  <td class={value === 0 ? 'num zero' : moving === true ? 'num moving' : 'num'}>
    {href === undefined || value === 0 ? number(value) : <a href={href}>{number(value)}</a>}
  </td>
)

type Verdict = 'exact' | 'summing' | 'waits' | 'broken'

/** A finished stage must sum without a rest; one at work may hold records, but never a negative number. */
export function verdict(row: LedgerRow, status: StageView['status'] | undefined): Verdict {
  const inside = stillInside(row)
  if (inside < 0) return 'broken'
  if (status === 'completed') return isExact(row) ? 'exact' : 'broken'
  if (row.in === 0) return 'waits'
  return inside === 0 && isExact(row) ? 'exact' : 'summing'
}

const Sum = ({ is }: { is: Verdict }) => {
  switch (is) {
    case 'exact':
      return <State state="healthy" word="exact" />
    case 'broken':
      return <State state="failed" word="does not sum" />
    case 'summing':
      return <State state="running" word="still inside" />
    case 'waits':
      return <span class="muted">waits</span>
  }
}

/** Everything that came in and where it went, over the whole run. */
function wholeRun(ledger: readonly LedgerRow[]): LedgerRow | undefined {
  const first = ledger[0]
  const last = ledger.at(-1)
  if (first === undefined || last === undefined) return undefined
  const sum = (column: 'quarantined' | 'rejected' | 'duplicate') =>
    ledger.reduce((total, row) => total + row[column], 0)
  return {
    stage: last.stage,
    in: first.in,
    out: last.out,
    quarantined: sum('quarantined'),
    rejected: sum('rejected'),
    duplicate: sum('duplicate'),
    reasons: {},
  }
}

const Cells = ({ row, href }: { row: LedgerRow; href?: string }) => (
  <>
    <Cell value={row.in} />
    <Op />
    <Cell value={row.out} />
    <Op />
    <Cell value={row.quarantined} {...(href === undefined ? {} : { href })} />
    <Op />
    <Cell value={row.rejected} />
    <Op />
    <Cell value={row.duplicate} />
    <Op />
    <Cell value={stillInside(row)} moving />
  </>
)

/** The ledger as a sum that can be checked with the eyes: in = out + … + still inside. */
export const Ledger = ({ ledger, stages, quarantineHref }: Props) => {
  const rows = ledger.map((row) => ({
    row,
    is: verdict(row, stages.find(({ stage }) => stage === row.stage)?.status),
  }))
  const whole = wholeRun(ledger)
  const wholeIs: Verdict = rows.some(({ is }) => is === 'broken')
    ? 'broken'
    : rows.length > 0 && rows.every(({ is }) => is === 'exact')
      ? 'exact'
      : whole === undefined || whole.in === 0
        ? 'waits'
        : 'summing'
  return (
    <Table labelledBy="ledger" kind="ledger">
      <thead>
        <tr>
          <th scope="col">Stage</th>
          <th scope="col" class="num">
            In
          </th>
          <Op sign="=" />
          <th scope="col" class="num">
            Out
          </th>
          <Op sign="+" />
          <th scope="col" class="num">
            Quarantined
          </th>
          <Op sign="+" />
          <th scope="col" class="num">
            Rejected
          </th>
          <Op sign="+" />
          <th scope="col" class="num">
            Duplicate
          </th>
          <Op sign="+" />
          <th scope="col" class="num">
            Still inside
          </th>
          <th scope="col">Sum</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ row, is }) => (
          <tr data-sum={is} id={`ledger-${row.stage}`}>
            <th scope="row">{stageName[row.stage]}</th>
            <Cells row={row} href={quarantineHref(row.stage)} />
            <td class="sum">
              <Sum is={is} />
            </td>
          </tr>
        ))}
      </tbody>
      {whole === undefined ? null : (
        <tfoot>
          <tr data-sum={wholeIs}>
            <th scope="row">Whole run</th>
            <Cells row={whole} />
            <td class="sum">
              <Sum is={wholeIs} />
            </td>
          </tr>
        </tfoot>
      )}
    </Table>
  )
}
