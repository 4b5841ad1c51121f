import type { PeopleFilter, PeoplePage, Person } from '../../domain/auth/people.ts'
import { type Role, roles } from '../../domain/auth/user.ts'
import type { MailOutcome } from '../../domain/mail/mail.ts'
import { ErrorSummary, type FormProblem, problemOf } from '../components/error-summary.tsx'
import { Field, InputField, Select } from '../components/field.tsx'
import { number, plural } from '../components/format.ts'
import { Notice } from '../components/notice.tsx'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { State } from '../components/state.tsx'
import { Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { personStateName, roleName } from '../names.ts'
import { AdminTabs } from './admin-tabs.tsx'
import { NobodyHere, PeopleFilters, PeoplePager, peopleHref } from './people-filter.tsx'

/** A link that was just made: the only time it is seen. */
export interface ShownLink {
  readonly for: string
  readonly email: string
  readonly href: string
  /** How mailing it ended; undefined: mail is not set up. */
  readonly mailed: MailOutcome | undefined
}

interface Props extends Frame {
  page: PeoplePage
  filter: PeopleFilter
  /** Whether links are mailed too. */
  hasMail: boolean
  link?: ShownLink | undefined
  /** What was typed when an invitation was refused, and why. */
  typed?: { readonly name: string; readonly email: string; readonly role: string } | undefined
  problems?: readonly FormProblem[] | undefined
  now: Date
}

const roleOptions = roles.map((role) => ({ value: role, label: roleName[role] }))
const stateOf = { active: 'healthy', invited: 'queued', disabled: 'cancelled' } as const

/** `GET /admin/users?q=…&role=…&state=…`, with `after` or `before`: everybody by name, with what can be done about them, and the form that invites. */
export const UsersPage = ({ page, filter, hasMail, link, typed, problems = [], now, ...frame }: Props) => (
  <Shell frame={frame} title="Users" place="admin">
    <PageHead title="Users" count={number(page.total)} />
    <AdminTabs current="users" role={frame.viewer?.role} />
    {link === undefined ? null : <LinkNotice link={link} />}
    <Section id="users" title="Who is here">
      <PeopleFilters filter={filter} />
      {page.people.length === 0 ? (
        <NobodyHere filter={filter} total={page.total} />
      ) : (
        <Table labelledBy="users" kind="table--stack">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">State</th>
              <th scope="col">Second factor</th>
              <th scope="col">Last seen</th>
              <th scope="col">Role</th>
              <th scope="col">Actions</th>
            </tr>
          </thead>
          <tbody>
            {page.people.map((person) => (
              <Row person={person} filter={filter} now={now} />
            ))}
          </tbody>
        </Table>
      )}
      <PeoplePager page={page} filter={filter} />
    </Section>
    <Section
      id="invite"
      title="Invite someone"
      note={
        hasMail
          ? 'They get a link by mail, and you see it too. It works for a week.'
          : 'You get a link to hand over. It works for a week.'
      }
    >
      <ErrorSummary title="Nobody was invited" problems={problems} />
      <form method="post" action={peopleHref('', filter)} class="stack stack--s">
        <InputField
          name="name"
          label="Name"
          problems={problems}
          required
          maxlength={100}
          value={typed?.name}
        />
        <InputField
          name="email"
          label="E-mail address"
          problems={problems}
          type="email"
          required
          maxlength={254}
          autocomplete="off"
          value={typed?.email}
        />
        <Field
          id="role"
          label="Role"
          problem={problemOf(problems, 'role')}
          control={(tied) => (
            <Select tied={tied} name="role" value={typed?.role ?? 'user'} options={roleOptions} />
          )}
        />
        <p class="actions">
          <button class="button button--primary" type="submit">
            Invite
          </button>
        </p>
      </form>
    </Section>
  </Shell>
)

const whyNotMailed: Record<Exclude<MailOutcome, 'sent'>, string> = {
  unreachable: 'the mail server did not answer',
  'not-secure': 'the mail server has no TLS connection that can be trusted',
  refused: 'the mail server refused it',
}

const LinkNotice = ({ link: { for: name, email, href, mailed } }: { link: ShownLink }) => (
  <div class="notices">
    <Notice state={mailed === undefined || mailed === 'sent' ? 'healthy' : 'degraded'}>
      <p>
        {mailed === undefined ? (
          <>The link for {name}.</>
        ) : mailed === 'sent' ? (
          <>
            The link for {name} was mailed to {email}.
          </>
        ) : (
          <>
            The link for {name} could not be mailed to {email}: {whyNotMailed[mailed]}.
          </>
        )}{' '}
        It is shown now and never again, and works once
        {mailed === 'sent' ? '.' : ': hand it over yourself.'}
      </p>
      <p>
        <code class="id">{href}</code>
      </p>
    </Notice>
  </div>
)

const Row = ({ person, filter, now }: { person: Person; filter: PeopleFilter; now: Date }) => {
  const { id, name, email, role, status, hasSecondFactor, sessions, lastSeenAt } = person
  const to = (action: string) => peopleHref(`/${id}/${action}`, filter)
  return (
    <tr id={id}>
      <th scope="row" class="main-cell">
        {name} <small class="muted">{email}</small>{' '}
        <small>
          <a href={`/admin/audit?about=${id}`}>
            Activity<span class="vh"> of {name}</span>
          </a>
        </small>
      </th>
      <td data-label="State">
        <State state={stateOf[status]} word={personStateName[status]} />
      </td>
      <td data-label="Second factor">{hasSecondFactor ? 'On' : <span class="muted">Off</span>}</td>
      <td class="wide nowrap" data-label="Last seen">
        {lastSeenAt === null ? (
          <span class="muted">not signed in</span>
        ) : (
          <span>
            <RelativeTime at={lastSeenAt} now={now} />,{' '}
            <a href={`/admin/sessions?user=${id}`}>{plural(sessions, 'session')}</a>
          </span>
        )}
      </td>
      <td class="wide" data-label="Role">
        <RoleForm action={to('role')} name={name} role={role} id={id} />
      </td>
      <td>
        <div class="actions">
          {status === 'disabled' ? (
            <Action action={to('enabling')} text="Enable" of={name} />
          ) : (
            <>
              <Action
                action={to('reset-link')}
                text={status === 'invited' ? 'New invitation' : 'Reset link'}
                of={name}
              />
              {hasSecondFactor ? (
                <Action
                  action={to('reset-link')}
                  text="Reset with second factor"
                  of={name}
                  field="second-factor"
                />
              ) : null}
              {sessions > 0 ? <Action action={to('sign-out')} text="End sessions" of={name} /> : null}
              <Action action={to('disabling')} text="Disable" of={name} isDanger />
            </>
          )}
        </div>
      </td>
    </tr>
  )
}

const RoleForm = ({ action, name, role, id }: { action: string; name: string; role: Role; id: string }) => (
  <form method="post" action={action} class="actions">
    <label class="vh" for={`role-${id}`}>
      Role of {name}
    </label>
    <Select tied={{ id: `role-${id}` }} name="role" value={role} options={roleOptions} />
    <button class="button button--s" type="submit">
      Change<span class="vh"> the role of {name}</span>
    </button>
  </form>
)

interface ActionProps {
  action: string
  text: string
  /** Whom it concerns, for who cannot see the row. */
  of: string
  /** Sent as `1`. */
  field?: string
  isDanger?: boolean
}

export const Action = ({ action, text, of, field, isDanger = false }: ActionProps) => (
  <form method="post" action={action}>
    {field === undefined ? null : <input type="hidden" name={field} value="1" />}
    <button class={isDanger ? 'button button--s button--danger' : 'button button--s'} type="submit">
      {text}
      <span class="vh">, {of}</span>
    </button>
  </form>
)
