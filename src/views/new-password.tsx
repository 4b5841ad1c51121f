import { NewPasswordField } from './components/credential-fields.tsx'
import { ErrorSummary } from './components/error-summary.tsx'
import { Field } from './components/field.tsx'
import { Plain } from './layout/plain.tsx'

interface Props {
  token: string
  kind: 'invitation' | 'reset'
  name: string
  email: string
  leastLength: number
  problem?: string | undefined
}

/** `GET /new-password`: the page of a one-time link; posts `token`, `password`. */
export const NewPasswordPage = ({ token, kind, name, email, leastLength, problem }: Props) => (
  <Plain
    title={kind === 'invitation' ? `Welcome, ${name}` : 'A new password'}
    foot="This link works once. Then sign in with the new password."
  >
    <ErrorSummary
      title="The password was not taken"
      problems={problem === undefined ? [] : [{ field: 'password', message: problem }]}
    />
    <form method="post">
      <input type="hidden" name="token" value={token} />
      <Field
        id="email"
        label="E-mail address"
        hint="You sign in with it."
        control={(tied) => (
          <input class="input" type="email" autocomplete="username" readonly value={email} {...tied} />
        )}
      />
      <NewPasswordField least={leastLength} />
      <p class="section">
        <button class="button button--primary" type="submit">
          Keep this password
        </button>
      </p>
    </form>
  </Plain>
)
