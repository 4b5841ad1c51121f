import type { SignedInUser } from '../../domain/auth/user.ts'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { roleName } from '../names.ts'

interface Props {
  frame: Frame
  user: SignedInUser
  sessions: readonly { hash: string; userAgent: string; createdAt: Date; lastSeenAt: Date }[]
  /** Hash of the session that asks. */
  current: string | undefined
  now: Date
}

/** `GET /account`: who one is and where one is signed in. */
export const AccountPage = ({ frame, user, sessions, current, now }: Props) => (
  <Shell frame={frame} title="Your account">
    <PageHead title="Your account" meta={`${user.name} · ${user.email} · ${roleName[user.role]}`} />
    <Section
      id="sessions"
      title="Sessions"
      count={String(sessions.length)}
      note="End those you do not recognise, then change your password."
    >
      <Table labelledBy="sessions" kind="table--stack">
        <thead>
          <tr>
            <th scope="col">Browser</th>
            <th scope="col">Signed in</th>
            <th scope="col">Last seen</th>
            <th scope="col">
              <span class="vh">Action</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sessions.map(({ hash, userAgent, createdAt, lastSeenAt }) => (
            <tr>
              <th scope="row" class="main-cell">
                {userAgent === '' ? 'Unknown browser' : userAgent}
                {hash === current ? ' (this one)' : ''}
              </th>
              <td data-label="Signed in">
                <RelativeTime at={createdAt} now={now} />
              </td>
              <td data-label="Last seen">
                <RelativeTime at={lastSeenAt} now={now} />
              </td>
              <td>
                <form method="post" action={`/account/sessions/${hash}/revocation`}>
                  <button class="button button--s" type="submit">
                    End
                  </button>
                </form>
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Section>
  </Shell>
)
