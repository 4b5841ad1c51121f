import { type Limit, type LimitedRole, limits } from '../../domain/limits/limits.ts'
import {
  isLimitName,
  limitableOperations,
  limitedRoles,
  limitOf,
  type Override,
} from '../../domain/limits/overrides.ts'
import type { Problem } from '../../domain/result.ts'
import { Empty } from '../components/empty.tsx'
import { Field, Select } from '../components/field.tsx'
import { number } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { Count, Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { AdminTabs } from './admin-tabs.tsx'

/** What was typed and could not be taken. */
export interface AskedOverride {
  readonly target: string | undefined
  readonly role: string | undefined
  readonly amount: string | undefined
  readonly problem: Problem
}

interface Props {
  frame: Frame
  overrides: readonly (Override & { readonly setBy: string; readonly setAt: Date })[]
  asked?: AskedOverride | undefined
  now: Date
}

const known: readonly [string, Limit][] = Object.entries(limits)

/** `GET /admin/limits`: how much everybody may ask for, and what is set otherwise. */
export const LimitsPage = ({ frame, overrides, asked, now }: Props) => (
  <Shell frame={frame} title="Limits" place="admin">
    <PageHead
      title="Limits"
      meta="Requests are counted by user, whatever they sign in with, over all processes; by address where nobody is signed in. What is beyond a limit is answered 429."
    />
    <AdminTabs current="limits" role={frame.viewer?.role} />
    <Section id="defaults" title="Defaults" count={String(known.length)}>
      <Table labelledBy="defaults" kind="table--stack">
        <thead>
          <tr>
            <th scope="col">Limit</th>
            <th scope="col" class="num">
              Requests
            </th>
            <th scope="col">In any</th>
          </tr>
        </thead>
        <tbody>
          {known.map(([name, { title, amount, windowSeconds }]) => (
            <tr>
              <th scope="row" class="main-cell">
                {title} <span class="id">{name}</span>
              </th>
              <Count value={amount} label="Requests" />
              <td data-label="In any">{windowWord(windowSeconds)}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Section>
    <Section
      id="overrides"
      title="Set otherwise"
      count={String(overrides.length)}
      note="An operation with a limit of its own is counted by itself. The most particular one holds: operation and role, operation, limit and role, limit."
    >
      {overrides.length === 0 ? (
        <Empty>Nothing is set: the defaults hold for everybody.</Empty>
      ) : (
        <Overrides overrides={overrides} now={now} />
      )}
    </Section>
    <Section id="set" title="Set a limit" note="It holds from the next request on.">
      <SetForm asked={asked} />
    </Section>
  </Shell>
)

const Overrides = ({ overrides, now }: Pick<Props, 'overrides' | 'now'>) => (
  <Table labelledBy="overrides" kind="table--stack">
    <thead>
      <tr>
        <th scope="col">Limit or operation</th>
        <th scope="col">For</th>
        <th scope="col" class="num">
          Requests
        </th>
        <th scope="col">In any</th>
        <th scope="col">Set by</th>
        <th scope="col">Set</th>
        <th scope="col">
          <span class="vh">Action</span>
        </th>
      </tr>
    </thead>
    <tbody>
      {overrides.map(({ target, role, amount, setBy, setAt }) => (
        <tr>
          <th scope="row" class="main-cell">
            <span class="id">{target}</span>
          </th>
          <td data-label="For">{roleWord(role)}</td>
          <Count value={amount} label="Requests" />
          <td data-label="In any">{windowWord(limitOf(target).windowSeconds)}</td>
          <td data-label="Set by">{setBy}</td>
          <td data-label="Set">
            <RelativeTime at={setAt} now={now} />
          </td>
          <td>
            <form method="post" action="/admin/limits">
              <input type="hidden" name="target" value={target} />
              <input type="hidden" name="role" value={role} />
              <button class="button button--s" type="submit" name="remove" value="1">
                Remove
                <span class="vh">
                  {' '}
                  {target} for {roleWord(role)}
                </span>
              </button>
            </form>
          </td>
        </tr>
      ))}
    </tbody>
  </Table>
)

const targets = [
  ...known.map(([name, { windowSeconds }]) => ({
    value: name,
    label: `${name}, per ${windowWord(windowSeconds)}`,
  })),
  ...limitableOperations
    .filter((operation) => !isLimitName(operation))
    .map((operation) => ({
      value: operation,
      label: `only ${operation}, per ${windowWord(limitOf(operation).windowSeconds)}`,
    })),
]

const SetForm = ({ asked }: Pick<Props, 'asked'>) => {
  const problemAt = (field: string) => (asked?.problem.field === field ? asked.problem.message : undefined)
  return (
    <form class="form" method="post" action="/admin/limits">
      <Field
        id="target"
        label="Limit or operation"
        problem={problemAt('target')}
        control={(tied) => (
          <Select tied={tied} name="target" value={asked?.target ?? 'validation'} options={targets} />
        )}
      />
      <Field
        id="role"
        label="For"
        problem={problemAt('role')}
        control={(tied) => (
          <Select
            tied={tied}
            name="role"
            value={asked?.role ?? 'everyone'}
            options={limitedRoles.map((role) => ({ value: role, label: roleWord(role) }))}
          />
        )}
      />
      <Field
        id="amount"
        label="Requests"
        hint={`From 1 to ${number(1_000_000)}.`}
        problem={problemAt('amount')}
        control={(tied) => (
          <input
            class="input"
            name="amount"
            inputmode="numeric"
            autocomplete="off"
            required
            value={asked?.amount ?? ''}
            {...tied}
          />
        )}
      />
      <p class="actions">
        <button class="button button--primary" type="submit">
          Set
        </button>
      </p>
    </form>
  )
}

const roleWord = (role: LimitedRole): string =>
  role === 'everyone' ? 'everyone' : role === 'nobody' ? 'not signed in' : role

function windowWord(seconds: number): string {
  if (seconds === 60) return 'minute'
  return seconds === 3_600 ? 'hour' : `${seconds} s`
}
