import { browserName } from '../../domain/auth/browser-name.ts'
import { Empty } from '../components/empty.tsx'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { AdminTabs } from './admin-tabs.tsx'
import { Action } from './users-page.tsx'

interface Props extends Frame {
  sessions: readonly {
    hash: string
    user: string
    email: string
    userAgent: string
    createdAt: Date
    lastSeenAt: Date
  }[]
  hasMore: boolean
  q?: string | undefined
  /** Hash of the session that asks. */
  current: string | undefined
  now: Date
}

/** `GET /admin/sessions?q=…&user=…`: where everybody is signed in. */
export const SessionsPage = ({ sessions, hasMore, q, current, now, ...frame }: Props) => (
  <Shell frame={frame} title="Sessions" place="admin">
    <PageHead
      title="Sessions"
      count={hasMore ? `the ${sessions.length} seen last` : String(sessions.length)}
    />
    <AdminTabs current="sessions" role={frame.viewer?.role} />
    <Section id="sessions" title="Where people are signed in">
      <form class="toolbar" aria-label="Filter sessions" action="/admin/sessions">
        <label class="vh" for="q">
          Name or e-mail address
        </label>
        <input class="input" id="q" name="q" type="search" placeholder="Name or e-mail" value={q} />
        <button class="button button--s" type="submit">
          Filter
        </button>
      </form>
      {sessions.length === 0 ? (
        <Empty>No session matches. Empty the filter to see all.</Empty>
      ) : (
        <Table labelledBy="sessions" kind="table--stack">
          <thead>
            <tr>
              <th scope="col">Who</th>
              <th scope="col">Browser</th>
              <th scope="col">Signed in</th>
              <th scope="col">Last seen</th>
              <th scope="col">
                <span class="vh">Action</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {sessions.map(({ hash, user, email, userAgent, createdAt, lastSeenAt }) => (
              <tr>
                <th scope="row" class="main-cell">
                  {user} <small class="muted">{email}</small>
                  {hash === current ? ' (this one)' : ''}
                </th>
                <td data-label="Browser">
                  <span title={userAgent}>{browserName(userAgent)}</span>
                </td>
                <td data-label="Signed in">
                  <RelativeTime at={createdAt} now={now} />
                </td>
                <td data-label="Last seen">
                  <RelativeTime at={lastSeenAt} now={now} />
                </td>
                <td>
                  <Action action={`/admin/sessions/${hash}/revocation`} text="End" of={user} />
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </Section>
  </Shell>
)
