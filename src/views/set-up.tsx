import { ErrorSummary } from './components/error-summary.tsx'
import { Field } from './components/field.tsx'
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
    <form method="post" action="/set-up">
      <input type="hidden" name="token" value={token} />
      <Field
        id="name"
        label="Your name"
        hint="As it will stand beside what you do."
        control={(tied) => (
          <input
            class="input"
            name="name"
            autocomplete="name"
            required
            maxlength={100}
            value={name}
            {...tied}
          />
        )}
      />
      <Field
        id="email"
        label="E-mail address"
        control={(tied) => (
          <input
            class="input"
            name="email"
            type="email"
            autocomplete="username"
            required
            value={email}
            {...tied}
          />
        )}
      />
      <Field
        id="password"
        label="Password"
        hint="At least 15 characters; a few words are fine."
        control={(tied) => (
          <input
            class="input"
            name="password"
            type="password"
            autocomplete="new-password"
            required
            minlength={15}
            {...tied}
          />
        )}
      />
      <p class="section">
        <button class="button button--primary" type="submit">
          Create the first administrator
        </button>
      </p>
    </form>
  </Plain>
)
