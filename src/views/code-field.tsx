import { Field } from './components/field.tsx'

/** Where a code of the app is typed; a recovery code fits as well where `recovery` says so. */
export const CodeField = ({
  problem,
  label = 'Code',
  isRequired = true,
  recovery = false,
}: {
  problem?: string | undefined
  label?: string
  /** Not where something else does as well. */
  isRequired?: boolean
  recovery?: boolean
}) => (
  <Field
    id="code"
    label={label}
    hint={
      recovery
        ? 'The six digits your app shows now, or a recovery code.'
        : 'The six digits your app shows now.'
    }
    problem={problem}
    control={(tied) => (
      <input
        class="input"
        name="code"
        autocomplete="one-time-code"
        inputmode={recovery ? undefined : 'numeric'}
        maxlength={40}
        required={isRequired}
        {...tied}
      />
    )}
  />
)
