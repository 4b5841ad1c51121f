import { longestKeyDays } from '../../domain/auth/api-key.ts'
import { scopeNames, scopes } from '../../domain/auth/scopes.ts'
import { ErrorSummary, type FormProblem, problemOf } from '../components/error-summary.tsx'
import { Choice, InputField } from '../components/field.tsx'
import { Mark } from '../components/mark.tsx'
import { Notice } from '../components/notice.tsx'
import { PageHead } from '../components/page-head.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'

/** What was typed, right or wrong. */
export interface TypedKey {
  readonly name: string
  readonly scopes: readonly string[]
  readonly days: string
}

interface Props extends Frame {
  typed: TypedKey
  problems?: readonly FormProblem[] | undefined
}

const crumbs = [
  { text: 'Your account', href: '/account' },
  { text: 'API keys', href: '/account/keys' },
]

/** `GET /account/keys/new`: what a new key is for, and how long. */
export const NewKeyPage = ({ typed, problems = [], ...frame }: Props) => {
  const scopeProblem = problemOf(problems, 'scopes')
  return (
    <Shell frame={frame} title="New API key">
      <PageHead title="New API key" crumbs={[...crumbs, { text: 'New' }]} />
      <ErrorSummary title="No key was made" problems={problems} />
      <form method="post" action="/account/keys/new" class="stack stack--s">
        <InputField
          name="name"
          label="Name"
          hint="The program that will use it, and where it runs."
          problems={problems}
          required
          maxlength={100}
          autocomplete="off"
          value={typed.name}
        />
        <fieldset class="field" id="scopes" data-invalid={scopeProblem === undefined ? undefined : ''}>
          <legend>Scopes</legend>
          {scopeProblem === undefined ? null : (
            <p class="field__error">
              <Mark state="failed" />
              {scopeProblem}
            </p>
          )}
          {scopeNames.map((name) => (
            <Choice
              kind="checkbox"
              id={`scope-${name}`}
              name="scopes"
              value={name}
              checked={typed.scopes.includes(name)}
              label={name}
              hint={scopes[name].title}
            />
          ))}
        </fieldset>
        <InputField
          name="days"
          label="Days until it expires"
          hint={`1 to ${longestKeyDays}. There is no key without an end.`}
          problems={problems}
          isShort
          type="number"
          min="1"
          max={String(longestKeyDays)}
          step="1"
          required
          value={typed.days}
        />
        <p class="actions">
          <button class="button button--primary" type="submit">
            Make key
          </button>
          <a class="button button--quiet" href="/account/keys">
            Cancel
          </a>
        </p>
      </form>
    </Shell>
  )
}

/** The answer to `POST /account/keys/new`: the key, this once. */
export const CreatedKeyPage = ({ name, value, ...frame }: Frame & { name: string; value: string }) => (
  <Shell frame={frame} title="Your new API key">
    <PageHead title="Your new API key" crumbs={crumbs} />
    <div class="notices">
      <Notice state="healthy">
        <p>
          The key for {name}. It is shown now and never again. Click it, copy it, and put it where your
          program keeps its secrets; never into an address.
        </p>
        <p>
          <code class="id">{value}</code>
        </p>
      </Notice>
    </div>
    <p>
      A program sends it in the header <code>Authorization: Bearer {value.slice(0, 4)}…</code> of its
      requests. Lost, or seen by others? Revoke it and make another.
    </p>
    <p class="actions">
      <a class="button" href="/account/keys">
        I have copied it
      </a>
    </p>
  </Shell>
)
