import { createContext, useContext } from 'hono/jsx'
import {
  type RunConfiguration as Configuration,
  exportFormats,
  type Mode,
  modes,
  RunConfiguration,
  redactions,
  targets,
} from '../../domain/pipeline/run.ts'
import { ErrorSummary, type FormProblem } from '../components/error-summary.tsx'
import { Choice, InputField } from '../components/field.tsx'
import { score } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { Section } from '../components/section.tsx'
import { formatName, modeName, redactionName, targetName } from '../names.ts'

export interface CheckChoice {
  readonly name: string
  readonly title: string
}

/** What every form that starts a run begins with. */
export interface RunStart {
  /** Makes the form, sent twice, one request. */
  readonly idempotencyKey?: string | undefined
  readonly priority?: number | undefined
}

/** Given by the route around a page that holds the form somewhere inside. */
export const RunFormStart = createContext<RunStart>({})

interface FieldsProps extends RunStart {
  checks: readonly CheckChoice[]
  /** What the form starts with; the defaults of a run otherwise. */
  configuration?: Configuration | undefined
  problems?: readonly FormProblem[] | undefined
}

interface Props extends FieldsProps {
  datasetId: string
}

const modeSentence: Record<Mode, string> = {
  sequential: 'One stage after the other over all records; the easiest to follow, and the slowest.',
  concurrent: 'All stages at work at once, on as many shards as there are workers.',
  adaptive:
    'Like concurrent, with fewer shards at once while memory is short or pages wait; right in most cases.',
}

interface GroupProps {
  legend: string
  name: string
  kind: 'radio' | 'checkbox'
  options: readonly { value: string; label: string; hint?: string }[]
  chosen: (value: string) => boolean
}

const Group = ({ legend, name, kind, options, chosen }: GroupProps) => (
  <fieldset class="field" id={name}>
    <legend>{legend}</legend>
    {options.map(({ value, label, hint }) => (
      <Choice
        kind={kind}
        id={`${name}-${value}`}
        name={name}
        value={value}
        checked={chosen(value)}
        label={label}
        hint={hint}
      />
    ))}
  </fieldset>
)

/**
 * Everything a run can be told: `mode`, `threshold`, and repeated `checks`, `redact`, `targets`, `formats`, then
 * `priority`, and hidden `idempotencyKey`. No `checks` at all means none, each of them ticked means all.
 */
export const RunFields = ({
  checks,
  configuration,
  priority = 0,
  idempotencyKey,
  problems = [],
}: FieldsProps) => {
  const start = configuration ?? RunConfiguration.parse({})
  const checked = (name: string) =>
    start.checks === 'all' || (start.checks !== 'none' && start.checks.includes(name))
  const includes = (list: readonly string[]) => (value: string) => list.includes(value)
  return (
    <>
      {idempotencyKey === undefined ? null : (
        <input type="hidden" name="idempotencyKey" value={idempotencyKey} />
      )}
      <Group
        legend="Mode"
        name="mode"
        kind="radio"
        options={modes.map((value) => ({ value, label: modeName[value], hint: modeSentence[value] }))}
        chosen={(value) => value === start.mode}
      />
      <InputField
        name="threshold"
        label="Threshold"
        hint="Records with a lower score are rejected. 0 to 1."
        problems={problems}
        isShort
        type="number"
        min="0"
        max="1"
        step="0.01"
        required
        value={score(start.threshold)}
      />
      {checks.length === 0 ? null : (
        <Group
          legend="Checks"
          name="checks"
          kind="checkbox"
          options={checks.map(({ name, title }) => ({ value: name, label: title }))}
          chosen={checked}
        />
      )}
      <Group
        legend="Redact"
        name="redact"
        kind="checkbox"
        options={redactions.map((value) => ({ value, label: redactionName[value] }))}
        chosen={includes(start.redact)}
      />
      <Group
        legend="Export to"
        name="targets"
        kind="checkbox"
        options={targets.map((value) => ({ value, label: targetName[value] }))}
        chosen={includes(start.targets)}
      />
      <Group
        legend="Files"
        name="formats"
        kind="checkbox"
        options={exportFormats.map((value) => ({ value, label: formatName[value] }))}
        chosen={includes(start.formats)}
      />
      <InputField
        name="priority"
        label="Priority"
        hint="−10 to 10; higher goes first, only among your own waiting runs."
        problems={problems}
        isShort
        type="number"
        min="-10"
        max="10"
        step="1"
        required
        value={priority}
      />
    </>
  )
}

/** Starts a run: `POST /datasets/:id/runs` with the fields above. */
export const RunForm = ({ datasetId, configuration, problems = [], ...fields }: Props) => {
  const start = configuration ?? RunConfiguration.parse({})
  return (
    <Section id="run" title="Run">
      <ErrorSummary title="The run was not started" problems={problems} />
      <form method="post" action={`/datasets/${datasetId}/runs`}>
        <p class="quiet">
          All six stages, threshold {score(start.threshold)}, exported as{' '}
          {start.targets.map((target) => targetName[target]).join(', ')} in{' '}
          {start.formats.map((format) => formatName[format]).join(', ')}.
        </p>
        <details class="options" open={problems.length > 0}>
          <summary>Change what the run does</summary>
          <RunFields
            {...useContext(RunFormStart)}
            {...fields}
            configuration={configuration}
            problems={problems}
          />
        </details>
        <p class="actions">
          <button class="button button--primary" type="submit">
            <Icon name="run" />
            Run
          </button>
        </p>
      </form>
    </Section>
  )
}
