import { browserName } from '../../domain/auth/browser-name.ts'
import { leastPasswordLength } from '../../domain/auth/second-factor.ts'
import type { SignedInUser } from '../../domain/auth/user.ts'
import { NewPasswordField, PasswordField } from '../components/credential-fields.tsx'
import { ErrorSummary } from '../components/error-summary.tsx'
import { Facts } from '../components/facts.tsx'
import { Choice } from '../components/field.tsx'
import { plural } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { State } from '../components/state.tsx'
import { Table } from '../components/table.tsx'
import { type Frame, hasShortcuts, Shell } from '../layout/shell.tsx'
import { roleName } from '../names.ts'

interface Props {
  frame: Frame
  user: SignedInUser
  sessions: readonly { hash: string; userAgent: string; createdAt: Date; lastSeenAt: Date }[]
  /** Hash of the session that asks. */
  current: string | undefined
  now: Date
  secondFactor: { isOn: boolean; codesLeft: number }
  /** Why the password was not changed. */
  problem?: string | undefined
}

/** `GET /account`: who one is and where one is signed in. */
export const AccountPage = ({ frame, user, sessions, current, now, secondFactor, problem }: Props) => (
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
                <span title={userAgent}>{browserName(userAgent)}</span>
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
                    End<span class="vh"> the session of {browserName(userAgent)}</span>
                  </button>
                </form>
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
      {sessions.length > 1 && (
        <form method="post" action="/account/sessions/revocation" class="actions">
          <button class="button" type="submit">
            End all but this one
          </button>
        </form>
      )}
    </Section>
    <SecondFactor {...secondFactor} />
    <Password problem={problem} leastLength={leastPasswordLength(secondFactor.isOn)} />
    <Shortcuts isOn={hasShortcuts(frame.viewer)} />
    <Section id="keys" title="API keys" note="For programs that work in your name.">
      <p class="actions">
        <a class="button" href="/account/keys">
          See and make keys
        </a>
      </p>
    </Section>
    <p class="section quiet">
      <a href="/account/activity">What the audit log says you did</a> ·{' '}
      <a href="/admin/deletions">What was deleted</a> · <a href="/admin/permissions">Who may do what</a>
    </p>
  </Shell>
)

/** The help for the keyboard, and the way to turn single keys off: some of them are typed by accident. */
const Shortcuts = ({ isOn }: { isOn: boolean }) => (
  <Section
    id="shortcuts"
    title="Keyboard shortcuts"
    note="Single keys that work wherever nothing is being typed."
  >
    <Facts
      facts={[
        { label: <kbd>/</kbd>, value: 'Jump to a dataset, on every page' },
        { label: <kbd>J</kbd>, value: 'The next record, of a dataset or in quarantine' },
        { label: <kbd>K</kbd>, value: 'The record before' },
      ]}
    />
    <form method="post" action="/account/preferences" class="stack stack--s">
      <Choice
        kind="checkbox"
        id="use-shortcuts"
        name="shortcuts"
        value="1"
        checked={isOn}
        label="Use these keys"
        hint="Turn them off if you speak to your computer, or type them by accident. It holds for you in every browser; everything can be reached with Tab and Enter as well."
      />
      <p class="actions">
        <button class="button" type="submit">
          Save
        </button>
      </p>
    </form>
  </Section>
)

const SecondFactor = ({ isOn, codesLeft }: Props['secondFactor']) => (
  <Section id="second-factor" title="Second factor">
    {isOn ? (
      <>
        <p>
          <State state="healthy" word="On" more={`${plural(codesLeft, 'recovery code')} left`} />
        </p>
        <form method="post" action="/account/recovery-codes" class="actions">
          <button class="button" type="submit">
            New recovery codes
          </button>
        </form>
        <details class="options">
          <summary>Turn it off</summary>
          <form method="post" action="/account/second-factor/removal" class="stack stack--s">
            <PasswordField id="removal-password" hint="A stolen password alone is enough to get in then." />
            <p class="actions">
              <button class="button button--danger" type="submit">
                Turn off
              </button>
            </p>
          </form>
        </details>
      </>
    ) : (
      <p class="actions">
        <State state="unknown" word="Off" />
        <a class="button" href="/account/second-factor">
          Turn on
        </a>
      </p>
    )}
  </Section>
)

const Password = ({ problem, leastLength }: { problem: string | undefined; leastLength: number }) => (
  <Section id="password" title="Password" note="Changing it signs you out everywhere else.">
    <ErrorSummary
      title="Nothing was changed"
      problems={problem === undefined ? [] : [{ field: 'new-password', message: problem }]}
    />
    <form method="post" action="/account/password" class="stack stack--s">
      <PasswordField id="current-password" name="current" label="Present password" />
      <NewPasswordField id="new-password" label="New password" least={leastLength} />
      <p class="actions">
        <button class="button" type="submit">
          Change password
        </button>
      </p>
    </form>
  </Section>
)
