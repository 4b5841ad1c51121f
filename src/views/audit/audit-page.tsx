import type { AuditRow, Review } from '../../domain/audit/audit-view.ts'
import { auditLogCheck } from '../../domain/system/checks.ts'
import { AdminTabs } from '../admin/admin-tabs.tsx'
import { Empty } from '../components/empty.tsx'
import { exactTime, number } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { Notice } from '../components/notice.tsx'
import { PageHead } from '../components/page-head.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { AuditFilters, type AuditQuery, auditHref, ChosenFilters, isFiltered } from './audit-filter.tsx'
import { type LogState, ReviewState, VerificationLine, VerificationPlate } from './audit-state.tsx'
import { AuditTable } from './audit-table.tsx'

/** A page of entries, and the ways on from it. */
export interface EntryList {
  readonly rows: readonly AuditRow[]
  /** Cursors of the neighbouring pages. */
  readonly older: number | null
  readonly newer: number | null
  /** How far a search came when its time was over; null when it came to its end. */
  readonly searchedTo: Date | null
  /** Whether newer entries belong on top of it: it is the newest page, and its period goes on. */
  readonly isNewest: boolean
  /** Whether what they are about has more parts than were looked for. */
  readonly isCut: boolean
}

interface Props extends Frame {
  state: LogState
  list: EntryList
  query: AuditQuery
  review: Review | undefined
  /** What the role may do besides reading. */
  may: { readonly export: boolean; readonly review: boolean }
  /** How the live tail goes on: the last number seen, and the receipt of this reading. */
  tail: { readonly newest: number; readonly view: string }
  now: Date
}

const auditPath = '/admin/audit'
/** Links and filters that change the list alone. */
export const swapList = { 'hx-boost': 'target:#audit-list select:#audit-list swap:outerHTML' } as const
/** Rows that the live table keeps; the oldest go, and the link to older ones follows. */
const mostRows = 300

const pathOf = (action: string, query: AuditQuery, more: Readonly<Record<string, string>>) =>
  auditHref(`${auditPath}/${action}`, { ...query, ...more })

/** `GET /admin/audit?actor=…&action=…&…`: who did what, to which object, how it ended, when and from where. */
export const AuditPage = ({ state, list, query, review, may, tail, now, ...frame }: Props) => (
  <Shell frame={frame} title="Audit log" place="audit" live={list.isNewest}>
    <PageHead
      title="Audit log"
      count={number(state.rows)}
      plate={<VerificationPlate verification={state.verification} />}
      meta={
        <>
          <span>
            <VerificationLine verification={state.verification} now={now} />
          </span>
          <span>
            {state.checkpoint === null ? (
              'no signed checkpoint yet'
            ) : (
              <>signed checkpoint {exactTime(state.checkpoint.at)}</>
            )}
          </span>
          <span>
            <ReviewState review={review} now={now} />
          </span>
        </>
      }
      actions={
        <a class="button" href="/admin/report">
          Compliance report
        </a>
      }
    />
    <AdminTabs current="audit" role={frame.viewer?.role} />
    <Warnings state={state} now={now} />
    <AuditFilters path={auditPath} query={query} swap={swapList} />
    <div id="audit-list">
      <ChosenFilters path={auditPath} query={query} />
      {query.actor?.startsWith('usr_') === true && query.about === undefined ? (
        <p class="filters">
          <a href={auditHref(auditPath, { ...query, actor: undefined, about: query.actor })}>
            Everything about this person, also what others did to them
          </a>
        </p>
      ) : null}
      {list.isCut ? (
        <p class="filters">
          There are very many parts to this (files, runs, exports or keys): only the newest of them are looked
          for.
        </p>
      ) : null}
      <div class="audit-bar">
        <h2 id="entries">Entries</h2>
        {list.isNewest ? (
          <button class="button button--s" id="pause" type="button" data-pause aria-pressed="false" hidden>
            Pause
          </button>
        ) : null}
        {may.export ? <Exports query={query} /> : null}
        {may.review && list.isNewest && !isFiltered(query) ? (
          <MarkReviewed through={tail.newest} review={review} />
        ) : null}
      </div>
      <Entries list={list} query={query} review={review} tail={tail} now={now} />
      <AuditPager path={auditPath} list={list} query={query} />
    </div>
  </Shell>
)

/** Within what the filters swap: what is exported is what is listed. */
const Exports = ({ query }: { query: AuditQuery }) =>
  (['csv', 'jsonl'] as const).map((format) => (
    <a class="button button--s" href={pathOf('export', query, { format })}>
      <Icon name="download" />
      {format === 'csv' ? 'CSV' : 'JSON Lines'}
      <span class="vh"> of these entries</span>
    </a>
  ))

const Warnings = ({ state, now }: { state: LogState; now: Date }) => {
  const { verification, isOwnedByApplication } = state
  const flow = auditLogCheck(state, now)
  return (
    <>
      {flow.state === 'healthy' ? null : (
        <Notice state={flow.state === 'failed' ? 'failed' : 'degraded'}>
          {flow.word}. {flow.sentence}
        </Notice>
      )}
      {verification === null || verification.outcome === 'whole' ? null : (
        <Notice state="failed">
          {verification.finding ?? 'The log is not whole.'}{' '}
          {verification.seq === null ? null : (
            <a href={`${auditPath}/${verification.seq}`}>Entry {number(verification.seq)}</a>
          )}
        </Notice>
      )}
      {isOwnedByApplication ? (
        <Notice state="degraded">
          The database would not refuse this portal a change of its own log: set DATABASE_ADMIN_URL to a role
          that may create roles.
        </Notice>
      ) : null}
    </>
  )
}

const MarkReviewed = ({ through, review }: { through: number; review: Review | undefined }) =>
  through <= (review?.throughSeq ?? 0) ? null : (
    <form method="post" action={`${auditPath}/reviews`}>
      <input type="hidden" name="through" value={through} />
      <button class="button button--s" type="submit">
        Mark as reviewed up to {number(through)}
      </button>
    </form>
  )

const Entries = ({
  list,
  query,
  review,
  tail,
  now,
}: Pick<Props, 'list' | 'query' | 'review' | 'tail' | 'now'>) => {
  if (list.rows.length === 0 && !list.isNewest) {
    return <Empty>Nothing here. Older or newer entries may fit.</Empty>
  }
  const on = { ...query, view: tail.view }
  const live: Readonly<Record<string, string>> = list.isNewest
    ? {
        id: 'audit-rows',
        'data-tail': String(tail.newest),
        'data-most': String(mostRows),
        'data-live': auditHref(`${auditPath}/events`, on),
        'data-poll': auditHref(`${auditPath}/news`, on),
      }
    : {}
  return (
    <>
      <AuditTable
        labelledBy="entries"
        rows={list.rows}
        review={isFiltered(query) ? undefined : review}
        live={live}
        now={now}
      />
      {list.rows.length === 0 ? (
        <Empty>
          {isFiltered(query)
            ? 'No entry fits. Remove a filter, or widen the time.'
            : 'Nothing was logged yet. What happens appears here within a second.'}
        </Empty>
      ) : null}
    </>
  )
}

/** The ways to older and newer entries, and how far a search came. */
export const AuditPager = ({ path, list, query }: { path: string; list: EntryList; query: AuditQuery }) => {
  const { older, newer, searchedTo, isNewest } = list
  const to = (cursor: Readonly<Record<string, string>>) => auditHref(path, { ...query, ...cursor })
  return (
    <nav class="pager" aria-label="Pages">
      <p class="pager__note">
        {searchedTo === null ? (
          older === null ? (
            'These are the oldest.'
          ) : null
        ) : (
          <>
            Searched back to {exactTime(searchedTo)}; few entries fit, and older ones were not looked at yet.
          </>
        )}
      </p>
      {isNewest ? null : (
        <a href={to({})} {...swapList}>
          Newest
        </a>
      )}
      {newer === null ? null : (
        <a rel="prev" href={to({ after: String(newer) })} {...swapList}>
          Newer
        </a>
      )}
      {older === null ? null : (
        <a rel="next" href={to({ before: String(older) })} data-older {...swapList}>
          {searchedTo === null ? 'Older' : 'Go on searching'}
        </a>
      )}
    </nav>
  )
}
