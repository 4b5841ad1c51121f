import type { Child } from 'hono/jsx'
import { actionWords } from '../../domain/audit/actions.ts'
import type { AuditRow, Review } from '../../domain/audit/audit-view.ts'
import { number } from '../components/format.ts'
import type { MarkState } from '../components/mark.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { State } from '../components/state.tsx'
import { Table } from '../components/table.tsx'

const outcomeMark: Readonly<Record<string, MarkState>> = {
  allowed: 'healthy',
  denied: 'failed',
  failed: 'degraded',
}

/** How an entry ended, by shape, word and colour. */
export const OutcomeState = ({ outcome }: { outcome: string }) => (
  <State state={outcomeMark[outcome] ?? 'unknown'} word={outcome} />
)

/** Rows that need a person are marked at their edge, too. */
const edge = (outcome: string) =>
  outcome === 'denied' ? 'failed' : outcome === 'failed' ? 'degraded' : undefined

const Id = ({ id }: { id: string }) => (
  <span class="id quiet" title={id}>
    {id.length <= 16 ? id : `${id.slice(0, 4)}…${id.slice(-7)}`}
  </span>
)

const Who = ({ actor: { id, name, kind } }: Pick<AuditRow, 'actor'>) => (
  <>
    {name === null ? (
      <span class="quiet">{kind === 'user' ? 'someone who is gone' : id}</span>
    ) : (
      <span class="cut" title={name}>
        {name}
      </span>
    )}
    {name === null && kind !== 'user' ? null : (
      <>
        {' '}
        <Id id={id} />
      </>
    )}
  </>
)

const What = ({ object: { type, id, name, href } }: Pick<AuditRow, 'object'>) => (
  <>
    <span class="quiet">{type}</span>{' '}
    {name === null ? null : (
      <>
        {href === null ? (
          <span class="cut" title={name}>
            {name}
          </span>
        ) : (
          <a class="cut" href={href} title={name}>
            {name}
          </a>
        )}{' '}
      </>
    )}
    {name === null && href !== null ? (
      <a href={href}>
        <Id id={id} />
      </a>
    ) : (
      <Id id={id} />
    )}
  </>
)

interface RowProps {
  row: AuditRow
  now: Date
  /** Leads to the page of the entry; absent where its reader may not open it. */
  isLinked?: boolean
}

/** One entry. The script puts further ones on top: rows are known by their id and number. */
export const EntryRow = ({ row, now, isLinked = true }: RowProps) => (
  <tr id={`entry-${row.seq}`} data-seq={row.seq} data-state={edge(row.outcome)}>
    <th scope="row" class="num">
      {isLinked ? <a href={`/admin/audit/${row.seq}`}>{number(row.seq)}</a> : number(row.seq)}
    </th>
    <td class="nowrap">
      <RelativeTime at={row.at} now={now} />
    </td>
    <td class="nowrap">
      <Who actor={row.actor} />
    </td>
    <td title={row.action}>
      <span class="cut cut--words">{actionWords(row.action)}</span>
    </td>
    <td class="nowrap">
      <What object={row.object} />
    </td>
    <td class="nowrap">
      <OutcomeState outcome={row.outcome} />
    </td>
    <td class="mono quiet">{row.address ?? <span class="zero">none</span>}</td>
    <td class="mono">
      {isLinked ? (
        <a href={`/admin/audit?request=${encodeURIComponent(row.requestId)}`} title={row.requestId}>
          …{row.requestId.slice(-7)}
        </a>
      ) : (
        <span class="quiet" title={row.requestId}>
          …{row.requestId.slice(-7)}
        </span>
      )}
    </td>
  </tr>
)

const heads = ['Entry', 'When', 'Who', 'What', 'Object', 'Outcome', 'From', 'Request'] as const

interface Props extends Omit<RowProps, 'row'> {
  labelledBy: string
  rows: readonly AuditRow[]
  /** Drawn above the first entry that was looked through; only where all entries are shown. */
  review?: Review | undefined
  /** Attributes by which the script follows the log. */
  live?: Readonly<Record<string, string>> | undefined
}

/** Entries of the audit log, newest first, for reading all day. */
export const AuditTable = ({ labelledBy, rows, review, live = {}, now, isLinked }: Props) => {
  const firstReviewed = rows.find(({ seq }) => seq <= (review?.throughSeq ?? 0))
  return (
    <Table labelledBy={labelledBy} kind="table--dense table--audit">
      <thead>
        <tr>
          {heads.map((head) => (
            <th scope="col" class={head === 'Entry' ? 'num' : undefined}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody {...live}>
        {rows.map((row) => (
          <>
            {row === firstReviewed && review !== undefined ? (
              <ReviewRow>
                Looked through up to here by {review.by}, <RelativeTime at={review.at} now={now} />
              </ReviewRow>
            ) : null}
            <EntryRow row={row} now={now} {...(isLinked === undefined ? {} : { isLinked })} />
          </>
        ))}
      </tbody>
    </Table>
  )
}

const ReviewRow = ({ children }: { children?: Child }) => (
  <tr class="review-line">
    <td colspan={heads.length}>{children}</td>
  </tr>
)
