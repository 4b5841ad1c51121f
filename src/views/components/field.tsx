import type { Child, JSX } from 'hono/jsx'
import { type FormProblem, problemOf } from './error-summary.tsx'
import { Mark } from './mark.tsx'

interface FieldProps {
  id: string
  label: string
  optional?: boolean
  hint?: Child
  problem?: string | undefined
  /** Built with the attributes that tie it to its hint and its problem. */
  control: (tied: Tied) => Child
}

/** Attributes every control of a field carries. */
export interface Tied {
  readonly id: string
  readonly 'aria-describedby'?: string
  readonly 'aria-invalid'?: 'true'
}

/** A labelled control with its hint and what is wrong with it. */
export const Field = ({ id, label, optional, hint, problem, control }: FieldProps) => {
  const described = [
    hint === undefined ? null : `${id}-hint`,
    problem === undefined ? null : `${id}-error`,
  ].filter((part) => part !== null)
  return (
    <div class="field" data-invalid={problem === undefined ? undefined : ''}>
      <label for={id}>
        {label}
        {optional === true ? <span class="muted"> (optional)</span> : null}
      </label>
      {hint === undefined ? null : (
        <p class="field__hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {problem === undefined ? null : (
        <p class="field__error" id={`${id}-error`}>
          <Mark state="failed" />
          {problem}
        </p>
      )}
      {control({
        id,
        ...(described.length === 0 ? {} : { 'aria-describedby': described.join(' ') }),
        ...(problem === undefined ? {} : { 'aria-invalid': 'true' as const }),
      })}
    </div>
  )
}

interface InputFieldProps extends Omit<JSX.IntrinsicElements['input'], 'id' | 'class' | 'children'> {
  /** Of the input; its id as well. */
  name: string
  label: string
  optional?: boolean
  hint?: Child
  /** Those of the whole form. */
  problems?: readonly FormProblem[]
  /** As wide as a number. */
  isShort?: boolean
}

/** A field whose control is one input. */
export const InputField = ({
  name,
  label,
  optional = false,
  hint,
  problems = [],
  isShort = false,
  ...input
}: InputFieldProps) => (
  <Field
    id={name}
    label={label}
    optional={optional}
    hint={hint}
    problem={problemOf(problems, name)}
    control={(tied) => (
      <input class={isShort ? 'input input--short' : 'input'} name={name} {...input} {...tied} />
    )}
  />
)

interface ChoiceProps {
  kind: 'radio' | 'checkbox'
  id: string
  name: string
  value: string
  checked?: boolean
  label: string
  hint?: string | undefined
}

/** A radio button or check box with its label and a line about what it means. */
export const Choice = ({ kind, id, name, value, checked, label, hint }: ChoiceProps) => (
  <div class="choice">
    <input
      type={kind}
      name={name}
      id={id}
      value={value}
      checked={checked === true}
      aria-describedby={hint === undefined ? undefined : `${id}-hint`}
    />
    <label for={id}>{label}</label>
    {hint === undefined ? null : <small id={`${id}-hint`}>{hint}</small>}
  </div>
)

export interface Option {
  readonly value: string
  readonly label: string
}

interface SelectProps {
  tied: Tied
  name: string
  value: string | undefined
  options: readonly Option[]
}

/** A select; a value that is not among the options is kept and offered. */
export const Select = ({ tied, name, value, options }: SelectProps) => {
  const known = value === undefined || options.some((option) => option.value === value)
  return (
    <select class="select" name={name} {...tied}>
      {known ? null : (
        <option value={value} selected>
          {value}
        </option>
      )}
      {options.map((option) => (
        <option value={option.value} selected={option.value === value}>
          {option.label}
        </option>
      ))}
    </select>
  )
}
