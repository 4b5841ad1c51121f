import { leastPasswordLength } from '../domain/auth/second-factor.ts'
import { EmailField, NewPasswordField } from './components/credential-fields.tsx'
import { ErrorSummary } from './components/error-summary.tsx'
import { InputField } from './components/field.tsx'
import { Plain } from './layout/plain.tsx'

interface Props {
  /** The one-time token from the address the server printed. */
  token: string
  problem?: string | undefined
  name?: string | undefined
  email?: string | undefined
}

/** `GET /set-up`: the first administrator; posts `token`, `name`, `email`, `password`. */
export const SetUpPage = ({ token, problem, name, email }: Props) => (
  <Plain title="Set up Signalbox" foot="This page works once, for the first administrator.">
    <ErrorSummary
      title="The account was not created"
      problems={problem === undefined ? [] : [{ message: problem }]}
    />
    <form method="post">
      <input type="hidden" name="token" value={token} />
      <InputField
        name="name"
        label="Your name"
        hint="As it will stand beside what you do."
        autocomplete="name"
        required
        maxlength={100}
        value={name}
      />
      <EmailField email={email} />
      <NewPasswordField least={leastPasswordLength(false)} />
      <p class="section">
        <button class="button button--primary" type="submit">
          Create the first administrator
        </button>
      </p>
    </form>
  </Plain>
)
