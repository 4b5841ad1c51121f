import { roles } from '../../domain/conversations/conversation.ts'
import type { Mapping } from '../../domain/datasets/mapping.ts'
import { ErrorSummary, type FormProblem, problemOf } from '../components/error-summary.tsx'
import { Field, Select } from '../components/field.tsx'
import { PageHead } from '../components/page-head.tsx'
import { Section } from '../components/section.tsx'
import { Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'

export type MappingShape = Mapping['shape']

/** What the form shows: as typed, so that a refused form comes back as it was sent. */
export interface MappingValues {
  readonly shape: MappingShape
  readonly fields: Readonly<Record<string, string | undefined>>
  readonly roles: readonly { readonly name: string; readonly as: string }[]
}

interface Props extends Frame {
  dataset: { readonly id: string; readonly name: string }
  values: MappingValues
  /** Field names of the file where they are known; offered as a choice. */
  columns: readonly string[]
  problems?: readonly FormProblem[]
}

const shapes: readonly { value: MappingShape; label: string }[] = [
  { value: 'rows', label: 'One row an utterance, grouped into conversations' },
  { value: 'turns', label: 'A list of turns in each record' },
  { value: 'exchange', label: 'One exchange a record (Alpaca)' },
  { value: 'text', label: 'The conversation as one text' },
  { value: 'none', label: 'Not a conversation' },
]

interface FieldText {
  readonly name: string
  readonly label: string
  readonly hint?: string
  readonly optional?: boolean
  readonly options?: readonly { value: string; label: string }[]
}

const subject: FieldText = {
  name: 'subjectField',
  label: 'Subject',
  optional: true,
  hint: 'Says whom a record is about, so that all records of someone can be found and removed.',
}

const fieldsOf: Record<MappingShape, readonly FieldText[]> = {
  rows: [
    { name: 'keyField', label: 'Conversation key', hint: 'Rows with the same value are one conversation.' },
    {
      name: 'orderField',
      label: 'Order',
      optional: true,
      hint: 'Numbers count as numbers; without it, source order.',
    },
    { name: 'roleField', label: 'Speaker', hint: 'Holds the role names listed below.' },
    { name: 'textField', label: 'Text' },
    subject,
  ],
  turns: [
    {
      name: 'turnsField',
      label: 'List of turns',
      optional: true,
      hint: 'Leave empty when the record itself is the list.',
    },
    { name: 'roleField', label: 'Speaker, in a turn', hint: 'Holds the role names listed below.' },
    { name: 'textField', label: 'Text, in a turn' },
    {
      name: 'joinField',
      label: 'Join by',
      optional: true,
      hint: 'Turns in a row of one role with an equal value here become one message.',
    },
    { name: 'systemField', label: 'System prompt', optional: true },
    { name: 'toolsField', label: 'Tools', optional: true },
    subject,
  ],
  exchange: [
    { name: 'instructionField', label: 'Instruction' },
    { name: 'inputField', label: 'Input', optional: true },
    { name: 'outputField', label: 'Output' },
    { name: 'systemField', label: 'System prompt', optional: true },
    { name: 'historyField', label: 'History', optional: true },
    subject,
  ],
  text: [
    { name: 'textField', label: 'Text' },
    {
      name: 'markup',
      label: 'Markup',
      options: [
        { value: 'vicuna', label: 'Vicuna: USER: … ASSISTANT: …' },
        { value: 'chatml', label: 'ChatML: <|im_start|>…<|im_end|>' },
      ],
    },
    subject,
  ],
  none: [],
}

/** Names of the mapping's own fields by shape, for whoever reads the form. */
export const mappingFieldNames = (shape: MappingShape): readonly string[] =>
  fieldsOf[shape].map(({ name }) => name)

/** What the form calls a field of the mapping. */
export const mappingFieldLabel = (shape: MappingShape, name: string): string =>
  fieldsOf[shape].find((field) => field.name === name)?.label ?? 'Shape'

/** A stored mapping as the form shows it. */
export function valuesOf(mapping: Mapping): MappingValues {
  const entries = Object.entries(mapping).filter(([key]) => key !== 'shape' && key !== 'roles')
  const fields = Object.fromEntries(entries.map(([key, value]) => [key, String(value)]))
  const named = 'roles' in mapping ? Object.entries(mapping.roles).map(([name, as]) => ({ name, as })) : []
  return { shape: mapping.shape, fields, roles: named }
}

const MappingField = ({
  field,
  values,
  columns,
  problems,
}: { field: FieldText } & Pick<Props, 'values' | 'columns'> & { problems: readonly FormProblem[] }) => {
  const value = values.fields[field.name]
  const choices = field.options ?? columns.map((column) => ({ value: column, label: column }))
  const none =
    field.options === undefined
      ? [{ value: '', label: field.optional === true ? 'none' : 'Choose a field' }]
      : []
  return (
    <Field
      id={field.name}
      label={field.label}
      {...(field.optional === undefined ? {} : { optional: field.optional })}
      hint={field.hint}
      problem={problemOf(problems, field.name)}
      control={(tied) =>
        choices.length === 0 ? (
          <input class="input" name={field.name} value={value} maxlength={200} autocomplete="off" {...tied} />
        ) : (
          <Select tied={tied} name={field.name} value={value} options={[...none, ...choices]} />
        )
      }
    />
  )
}

/** Rows beyond the known ones, so that a missing name can be added without script. */
const spareRows = 3

const RoleNames = ({ named }: { named: MappingValues['roles'] }) => (
  <Section
    id="roles"
    title="Role names"
    note="which word in the source means which role; empty rows are ignored"
  >
    <Table labelledBy="roles" kind="table--form">
      <thead>
        <tr>
          <th scope="col">In the source</th>
          <th scope="col">Role</th>
        </tr>
      </thead>
      <tbody>
        {[...named, ...Array.from({ length: spareRows }, () => ({ name: '', as: 'user' }))].map(
          ({ name, as }, index) => (
            <tr>
              <td>
                <input
                  class="input"
                  name="roleName"
                  value={name}
                  maxlength={64}
                  autocomplete="off"
                  aria-label={`Role name ${index + 1} in the source`}
                />
              </td>
              <td>
                <select class="select" name="roleAs" aria-label={`Role of name ${index + 1}`}>
                  {roles.map((role) => (
                    <option value={role} selected={role === as}>
                      {role}
                    </option>
                  ))}
                </select>
              </td>
            </tr>
          ),
        )}
      </tbody>
    </Table>
  </Section>
)

/**
 * `GET /datasets/:id/mapping?shape=…`; posts to the same path: `shape`, the fields of that shape under the
 * mapping's own names, and for `turns` and `rows` repeated pairs `roleName`, `roleAs`.
 */
export const MappingPage = ({ dataset, values, columns, problems = [], ...frame }: Props) => (
  <Shell frame={frame} title={`Mapping of ${dataset.name}`} place="datasets">
    <PageHead
      title="Edit mapping"
      crumbs={[
        { text: 'Datasets', href: '/datasets' },
        { text: dataset.name, href: `/datasets/${dataset.id}` },
        { text: 'Mapping' },
      ]}
      meta={
        <span>How the fields of the source become conversations. Runs that were started keep theirs.</span>
      }
    />
    <ErrorSummary title="The mapping was not saved" problems={problems} />
    <form class="toolbar" action={`/datasets/${dataset.id}/mapping`} aria-label="Shape">
      <label for="shape">Shape</label>
      <select class="select" id="shape" name="shape">
        {shapes.map(({ value, label }) => (
          <option value={value} selected={value === values.shape}>
            {label}
          </option>
        ))}
      </select>
      <button class="button" type="submit">
        Show its fields
      </button>
    </form>
    <form method="post" action={`/datasets/${dataset.id}/mapping`} novalidate>
      <input type="hidden" name="shape" value={values.shape} />
      <Section id="fields" title="Fields">
        {values.shape === 'none' ? (
          <p class="quiet">Every record will be quarantined as “not a conversation”.</p>
        ) : (
          fieldsOf[values.shape].map((field) => (
            <MappingField field={field} values={values} columns={columns} problems={problems} />
          ))
        )}
      </Section>
      {values.shape === 'rows' || values.shape === 'turns' ? <RoleNames named={values.roles} /> : null}
      <p class="section actions">
        <button class="button button--primary" type="submit">
          Save mapping
        </button>
        <a class="button button--quiet" href={`/datasets/${dataset.id}`}>
          Cancel
        </a>
      </p>
    </form>
  </Shell>
)
