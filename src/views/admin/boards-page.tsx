import { Empty } from '../components/empty.tsx'
import { ErrorSummary, type FormProblem, problemOf } from '../components/error-summary.tsx'
import { Field, InputField, Select } from '../components/field.tsx'
import { number } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime, TimeOrNever } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { State } from '../components/state.tsx'
import { Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { AdminTabs } from './admin-tabs.tsx'
import { Action } from './users-page.tsx'

interface LinkRow {
  readonly id: string
  readonly name: string
  readonly flowId: string | null
  readonly createdBy: string
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

interface Props extends Frame {
  links: readonly LinkRow[]
  flows: readonly { readonly id: string; readonly name: string }[]
  /** A link that was just made: the only time it is seen. */
  link?: { readonly for: string; readonly href: string } | undefined
  /** What was typed when a link was refused, and why. */
  typed?: { readonly name: string; readonly flow: string; readonly days: string } | undefined
  problems?: readonly FormProblem[] | undefined
  now: Date
}

/** `GET /admin/boards`: the links that open wall boards, and the form that makes one. */
export const BoardsPage = ({ links, flows, link, typed, problems = [], now, ...frame }: Props) => (
  <Shell frame={frame} title="Boards" place="admin">
    <PageHead
      title="Boards"
      count={number(links.length)}
      meta="A board link opens wall boards on a screen where nobody is signed in. It shows nothing else and changes nothing."
    />
    <AdminTabs current="boards" role={frame.viewer?.role} />
    {link === undefined ? null : (
      <div class="notices">
        <div class="notice notice--healthy" role="status">
          <div>
            <p>
              The link for {link.for}. It is shown now and never again: open it on the screen that shows the
              board.
            </p>
            <p>
              <code class="id">{link.href}</code>
            </p>
            <p>To go through all flows of the link, put ?rotate=30s behind it.</p>
          </div>
        </div>
      </div>
    )}
    <Section id="flows" title="Boards">
      {flows.length === 0 ? (
        <Empty>No flow is watched, so there is no board yet.</Empty>
      ) : (
        <ul>
          {flows.map(({ id, name }) => (
            <li>
              <a href={`/board/${encodeURIComponent(id)}`}>{name}</a>
            </li>
          ))}
        </ul>
      )}
    </Section>
    <Section id="links" title="Board links">
      {links.length === 0 ? (
        <Empty>
          No link was made yet. Make one below for each screen, so that each can be revoked alone.
        </Empty>
      ) : (
        <Links links={links} flows={flows} now={now} />
      )}
    </Section>
    <Section id="make" title="Make a link" note="It works until it is revoked, or for the days you give.">
      <ErrorSummary title="No link was made" problems={problems} />
      <form method="post" action="/admin/boards" class="stack stack--s">
        <InputField
          name="name"
          label="Name"
          hint="Where the board hangs."
          problems={problems}
          required
          maxlength={100}
          value={typed?.name}
        />
        <Field
          id="flow"
          label="Opens"
          problem={problemOf(problems, 'flow')}
          control={(tied) => (
            <Select
              tied={tied}
              name="flow"
              value={typed?.flow ?? ''}
              options={[
                { value: '', label: 'The boards of all flows' },
                ...flows.map(({ id, name }) => ({ value: id, label: name })),
              ]}
            />
          )}
        />
        <InputField
          name="days"
          label="Days"
          hint="Empty: until it is revoked."
          problems={problems}
          inputmode="numeric"
          autocomplete="off"
          value={typed?.days}
        />
        <p class="actions">
          <button class="button button--primary" type="submit">
            Make the link
          </button>
        </p>
      </form>
    </Section>
  </Shell>
)

const Links = ({ links, flows, now }: Pick<Props, 'links' | 'flows' | 'now'>) => (
  <Table labelledBy="links" kind="table--stack">
    <thead>
      <tr>
        <th scope="col">Name</th>
        <th scope="col">State</th>
        <th scope="col">Opens</th>
        <th scope="col">Made</th>
        <th scope="col">Last used</th>
        <th scope="col">
          <span class="vh">Action</span>
        </th>
      </tr>
    </thead>
    <tbody>
      {links.map((link) => (
        <tr>
          <th scope="row" class="main-cell">
            {link.name}
          </th>
          <td data-label="State">
            <LinkState link={link} now={now} />
          </td>
          <td data-label="Opens">
            {link.flowId === null
              ? 'all flows'
              : (flows.find(({ id }) => id === link.flowId)?.name ?? `${link.flowId} (not watched)`)}
          </td>
          <td data-label="Made">
            <RelativeTime at={link.createdAt} now={now} /> by {link.createdBy}
          </td>
          <td data-label="Last used">
            <TimeOrNever at={link.lastUsedAt} now={now} />
          </td>
          <td>
            {link.revokedAt === null ? (
              <Action action={`/admin/boards/${link.id}/revocation`} text="Revoke" of={link.name} />
            ) : null}
          </td>
        </tr>
      ))}
    </tbody>
  </Table>
)

const LinkState = ({ link: { revokedAt, expiresAt }, now }: { link: LinkRow; now: Date }) => {
  if (revokedAt !== null) return <State state="cancelled" word="Revoked" />
  if (expiresAt !== null && expiresAt <= now) return <State state="cancelled" word="Expired" />
  return <State state="healthy" word="Open" />
}
