import { placeToCancel } from '../../domain/auth/step-up-places.ts'
import { CodeField } from '../code-field.tsx'
import { ErrorSummary } from '../components/error-summary.tsx'
import { InputField } from '../components/field.tsx'
import { PageHead } from '../components/page-head.tsx'
import { pageHref } from '../components/pager.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'

interface Props {
  frame: Frame
  next: string | undefined
  /** Where it was asked from; a path of ours. */
  from: string | undefined
  /** Whether a code would do as well. */
  hasSecondFactor: boolean
  problem?: string | undefined
}

/** `GET /step-up`: password or code once more, before what cannot be undone. */
export const StepUpPage = ({ frame, next, from, hasSecondFactor, problem }: Props) => (
  <Shell frame={frame} title="Is it you?">
    <PageHead
      title="Is it you?"
      meta="What you are about to do asks for this. It holds for five minutes, in this browser only."
    />
    <ErrorSummary
      title="That was not right"
      problems={problem === undefined ? [] : [{ field: 'password', message: problem }]}
    />
    <form method="post" action={pageHref('/step-up', { next, from }, 1)} class="stack stack--s">
      {next === undefined ? null : <input type="hidden" name="next" value={next} />}
      <InputField
        name="password"
        label={hasSecondFactor ? 'Either your password' : 'Password'}
        type="password"
        autocomplete="current-password"
        required={!hasSecondFactor}
      />
      {hasSecondFactor ? <CodeField label="or a code" isRequired={false} /> : null}
      <p class="actions">
        <button class="button button--primary" type="submit">
          Go on
        </button>
        <a class="button button--quiet" href={placeToCancel({ next, from })}>
          Cancel
        </a>
      </p>
    </form>
  </Shell>
)
