import { EmailField, PasswordField } from './components/credential-fields.tsx'
import { ErrorSummary } from './components/error-summary.tsx'
import { Notice } from './components/notice.tsx'
import { pageHref } from './components/pager.tsx'
import { Plain } from './layout/plain.tsx'

interface Props {
  email?: string | undefined
  problem?: string | undefined
  /** Path to go on to after signing in. */
  next?: string | undefined
  /** Whether a password was just chosen. */
  isPasswordKept?: boolean
}

/** `GET /sign-in`; posts `email`, `password`, `next`. */
export const SignInPage = ({ email, problem, next, isPasswordKept = false }: Props) => (
  <Plain title="Sign in">
    {isPasswordKept ? <Notice state="healthy">Your new password is kept. Sign in with it.</Notice> : null}
    <ErrorSummary
      title="You are not signed in"
      problems={problem === undefined ? [] : [{ field: 'email', message: problem }]}
    />
    <form method="post" action={pageHref('/sign-in', { next }, 1)}>
      {next === undefined ? null : <input type="hidden" name="next" value={next} />}
      <EmailField email={email} />
      <PasswordField />
      <p class="section">
        <button class="button button--primary" type="submit">
          Sign in
        </button>
      </p>
    </form>
    <p class="quiet">Forgotten it? Ask an administrator for a new one.</p>
  </Plain>
)
