import { type FormProblem, problemOf } from './error-summary.tsx'
import { Field, Select } from './field.tsx'

interface Option {
  readonly value: string
  readonly label: string
}

const rules: readonly Option[] = [
  { value: 'forever', label: 'Forever' },
  { value: 'after-upload', label: 'For days after the upload' },
  { value: 'after-last-run', label: 'For days after the last run' },
]

interface Props {
  /** Of the choice between rules. */
  label: string
  values: { readonly kind: string; readonly days: string }
  problems: readonly FormProblem[]
  hint?: string
  /** What can be chosen besides, before and after the rules that hold anywhere. */
  before?: readonly Option[]
  after?: readonly Option[]
}

/** How long something is kept: the rule, and the days that some of the rules count. */
export const RetentionFields = ({ label, values, problems, hint, before = [], after = [] }: Props) => (
  <>
    <Field
      id="kind"
      label={label}
      problem={problemOf(problems, 'kind')}
      control={(tied) => (
        <Select tied={tied} name="kind" value={values.kind} options={[...before, ...rules, ...after]} />
      )}
    />
    <DaysField name="days" label="Days" value={values.days} problems={problems} hint={hint} />
  </>
)

interface DaysProps {
  name: string
  label: string
  value: string
  problems: readonly FormProblem[]
  hint?: string | undefined
}

/** A number of days that may be left out. */
export const DaysField = ({ name, label, value, problems, hint }: DaysProps) => (
  <Field
    id={name}
    label={label}
    optional
    {...(hint === undefined ? {} : { hint })}
    problem={problemOf(problems, name)}
    control={(tied) => (
      <input class="input" name={name} inputmode="numeric" maxlength={6} value={value} {...tied} />
    )}
  />
)
