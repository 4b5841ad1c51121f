import { Empty } from '../components/empty.tsx'
import { PageHead } from '../components/page-head.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { AuditFilters, type AuditQuery, ChosenFilters, isFiltered } from './audit-filter.tsx'
import { AuditPager, type EntryList, swapList } from './audit-page.tsx'
import { AuditTable } from './audit-table.tsx'

const activityPath = '/account/activity'

interface Props extends Frame {
  list: EntryList
  query: AuditQuery
  now: Date
}

/** `GET /account/activity`: what the audit log has of oneself. */
export const ActivityPage = ({ list, query, now, ...frame }: Props) => (
  <Shell frame={frame} title="Your activity">
    <PageHead
      title="Your activity"
      crumbs={[{ text: 'Your account', href: '/account' }, { text: 'Activity' }]}
      meta="What the audit log says you did. If something was not you, change your password and tell an administrator."
    />
    <AuditFilters path={activityPath} query={query} isOwn swap={swapList} />
    <div id="audit-list">
      <ChosenFilters path={activityPath} query={query} />
      <h2 class="vh" id="entries">
        Entries
      </h2>
      {list.rows.length === 0 ? (
        <Empty>
          {isFiltered(query)
            ? 'No entry fits. Remove a filter, or widen the time.'
            : 'Nothing was logged yet.'}
        </Empty>
      ) : (
        <AuditTable labelledBy="entries" rows={list.rows} now={now} isLinked={false} />
      )}
      <AuditPager path={activityPath} list={list} query={query} />
    </div>
  </Shell>
)
