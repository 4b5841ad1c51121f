import type { Child } from 'hono/jsx'
import { actionWords } from '../../domain/audit/actions.ts'
import type { AuditRow, Review } from '../../domain/audit/audit-view.ts'
import type { ComplianceReport, Part } from '../../domain/audit/report.ts'
import type { KeyState } from '../../domain/vault/key-state.ts'
import { AdminTabs } from '../admin/admin-tabs.tsx'
import { Empty } from '../components/empty.tsx'
import { Facts } from '../components/facts.tsx'
import { day, exactTime, number, plural } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { Section } from '../components/section.tsx'
import { State } from '../components/state.tsx'
import { Count, Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { type LogState, ReviewState, VerificationLine, VerificationPlate } from './audit-state.tsx'
import { OutcomeState } from './audit-table.tsx'

interface Props extends Frame {
  report: ComplianceReport
  /** The days as the address has them, both included. */
  days: { readonly from: string; readonly to: string }
  state: LogState
  review: Review | undefined
  /** Undefined where this process does not know them. */
  keys: KeyState
  madeBy: string
  now: Date
}

/** `GET /admin/report?from=…&to=…`: what the log says about a period, printable as it stands. */
export const ReportPage = ({ report, days, state, review, keys, madeBy, now, ...frame }: Props) => (
  <Shell frame={frame} title={`Compliance report ${days.from} to ${days.to}`} place="audit">
    <PageHead
      title="Compliance report"
      plate={<VerificationPlate verification={state.verification} />}
      meta={
        <>
          <span>
            {day(report.period.from)} to {day(new Date(report.period.to.getTime() - 1))}, UTC
          </span>
          <span>
            made {exactTime(now)} by {madeBy}
          </span>
        </>
      }
    />
    <AdminTabs current="report" role={frame.viewer?.role} />
    <form class="toolbar" aria-label="Choose the period" action="/admin/report">
      {(['from', 'to'] as const).map((name) => (
        <label class="toolbar__field">
          {name === 'from' ? 'From' : 'To'}
          <input class="input input--date" type="date" name={name} value={days[name]} required />
        </label>
      ))}
      <span class="toolbar__field">UTC</span>
      <button class="button" type="submit">
        Show
      </button>
    </form>
    <div class="split split--even">
      <Log state={state} review={review} now={now} />
      <Keys keys={keys} now={now} />
    </div>
    <Access access={report.access} />
    <SignIns failed={report.failedSignIns} />
    <Denied denied={report.denied} />
    <Listed
      id="exports"
      title="Exports and downloads"
      part={report.exports}
      none="Nothing left the portal."
    />
    <Listed id="deletions" title="Deletions" part={report.deletions} none="Nothing was deleted." />
    <Listed
      id="roles"
      title="Users, roles, shares and API keys"
      part={report.roleChanges}
      none="Nobody’s access was changed."
    />
  </Shell>
)

const Log = ({ state, review, now }: Pick<Props, 'state' | 'review' | 'now'>) => (
  <Section id="log" title="The audit log">
    <Facts
      facts={[
        { label: 'Entries', value: number(state.rows) },
        { label: 'Verification', value: <VerificationLine verification={state.verification} now={now} /> },
        ...(state.verification?.finding == null
          ? []
          : [{ label: 'Finding', value: state.verification.finding }]),
        {
          label: 'Checkpoint',
          value:
            state.checkpoint === null
              ? 'none signed yet'
              : `${exactTime(state.checkpoint.at)}, over ${plural(state.checkpoint.size, 'entry', 'entries')}`,
        },
        { label: 'Review', value: <ReviewState review={review} now={now} /> },
        {
          label: 'Database',
          value: state.isOwnedByApplication ? (
            <State state="degraded" word="would not refuse this portal a change of the log" />
          ) : (
            <State state="healthy" word="refuses every change of the log" />
          ),
        },
      ]}
    />
  </Section>
)

const ageInDays = (from: Date, now: Date) =>
  plural(Math.max(0, Math.floor((now.getTime() - from.getTime()) / 86_400_000)), 'day')

const Keys = ({ keys, now }: Pick<Props, 'keys' | 'now'>) => (
  <Section id="keys" title="Keys">
    <Facts
      facts={[
        {
          label: 'Vault',
          value:
            keys.sealed === undefined ? (
              <State state="healthy" word="Open" />
            ) : (
              <State state="failed" word={keys.sealed.message} />
            ),
        },
        ...keys.masterKeys.map(({ version, createdAt, keys: wrapped, isCurrent }) => ({
          label: `Master key ${version}`,
          value: `${ageInDays(createdAt, now)} old, made ${day(createdAt)}, ${plural(wrapped, 'key')} under it${isCurrent ? ', current' : ''}`,
        })),
        {
          label: 'Oldest data key',
          value:
            keys.oldestKeyAt === undefined
              ? 'none'
              : `${ageInDays(keys.oldestKeyAt, now)} old, made ${day(keys.oldestKeyAt)}`,
        },
        { label: 'Destroyed keys', value: number(keys.destroyed) },
        ...(keys.damagedKeys.length === 0
          ? []
          : [{ label: 'Damaged keys', value: number(keys.damagedKeys.length) }]),
      ]}
    />
  </Section>
)

const countOf = ({ rows, isCut }: Part<unknown>) =>
  isCut ? `at least ${number(rows.length)}` : number(rows.length)

const cut = 'The period holds more than is shown: these are the newest. Choose a shorter one for all.'

const Grouped = <T,>(props: {
  id: string
  title: string
  part: Part<T>
  none: string
  heads: readonly (readonly [text: string, kind?: 'num'])[]
  row: (of: T) => Child
}) => {
  const { id, title, part, none, heads, row } = props
  return (
    <Section id={id} title={title} count={countOf(part)} {...(part.isCut ? { note: cut } : {})}>
      {part.rows.length === 0 ? (
        <Empty>{none}</Empty>
      ) : (
        <Table labelledBy={id} kind="table--dense">
          <thead>
            <tr>
              {heads.map(([text, kind]) => (
                <th scope="col" class={kind}>
                  {text}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{part.rows.map(row)}</tbody>
        </Table>
      )}
    </Section>
  )
}

const Person = ({ of: { id, name } }: { of: { id: string; name: string | null } }) => (
  <th scope="row">
    {name ?? id} {name === null ? null : <small class="muted id">{id}</small>}
  </th>
)

const Access = ({ access }: { access: ComplianceReport['access'] }) => (
  <Grouped
    id="access"
    title="Who read what"
    part={access}
    none="Nobody read a record."
    heads={[['Who'], ['Records read', 'num'], ['Exports', 'num'], ['Downloads', 'num']]}
    row={({ actor, recordsRead, exports, downloads }) => (
      <tr>
        <Person of={actor} />
        <Count value={recordsRead} />
        <Count value={exports} />
        <Count value={downloads} />
      </tr>
    )}
  />
)

const SignIns = ({ failed }: { failed: ComplianceReport['failedSignIns'] }) => (
  <Grouped
    id="sign-ins"
    title="Failed sign-ins"
    part={failed}
    none="Every sign-in was right."
    heads={[['Account'], ['Failed', 'num'], ['Last']]}
    row={({ account, count, last }) => (
      <tr>
        {account === null ? <th scope="row">addresses that nobody here has</th> : <Person of={account} />}
        <Count value={count} />
        <td class="nowrap">{exactTime(last)}</td>
      </tr>
    )}
  />
)

const Denied = ({ denied }: { denied: ComplianceReport['denied'] }) => (
  <Grouped
    id="denied"
    title="Denied access"
    part={denied}
    none="Nobody was denied anything."
    heads={[['Who'], ['What'], ['Denied', 'num'], ['Last']]}
    row={({ actor, action, count, last }) => (
      <tr>
        <Person of={actor} />
        <td>{actionWords(action)}</td>
        <Count value={count} />
        <td class="nowrap">{exactTime(last)}</td>
      </tr>
    )}
  />
)

const Listed = (props: { id: string; title: string; part: Part<AuditRow>; none: string }) => (
  <Grouped
    {...props}
    heads={[['When'], ['Who'], ['What'], ['Object'], ['Outcome'], ['Entry', 'num']]}
    row={({ seq, at, actor, action, object, outcome }) => (
      <tr>
        <td class="nowrap">{exactTime(at)}</td>
        <td>{actor.name ?? actor.id}</td>
        <td>{actionWords(action)}</td>
        <td>
          {object.type} {object.name} <span class="id quiet">{object.id}</span>
        </td>
        <td class="nowrap">
          <OutcomeState outcome={outcome} />
        </td>
        <td class="num">
          <a href={`/admin/audit/${seq}`}>{number(seq)}</a>
        </td>
      </tr>
    )}
  />
)
