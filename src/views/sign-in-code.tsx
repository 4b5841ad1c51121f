import { CodeField } from './code-field.tsx'
import { ErrorSummary } from './components/error-summary.tsx'
import { pageHref } from './components/pager.tsx'
import { Plain } from './layout/plain.tsx'

interface Props {
  /** Stands for the password that was right. */
  challenge: string
  problem?: string | undefined
  next?: string | undefined
}

/** The second half of a sign-in; posts `challenge`, `code`, `next`. */
export const SignInCodePage = ({ challenge, problem, next }: Props) => (
  <Plain title="Your code">
    <ErrorSummary
      title="You are not signed in"
      problems={problem === undefined ? [] : [{ field: 'code', message: problem }]}
    />
    <form method="post" action={pageHref('/sign-in/code', { next }, 1)}>
      <input type="hidden" name="challenge" value={challenge} />
      {next === undefined ? null : <input type="hidden" name="next" value={next} />}
      <CodeField recovery />
      <p class="section">
        <button class="button button--primary" type="submit">
          Sign in
        </button>
      </p>
    </form>
    <p class="quiet">
      Phone and recovery codes lost? Ask an administrator for a link.{' '}
      <a href={pageHref('/sign-in', { next }, 1)}>Begin again</a>
    </p>
  </Plain>
)
