import { type Right, rights } from '../../domain/auth/operations.ts'
import { type Share, shareableRoles } from '../../domain/datasets/share.ts'
import { Empty } from '../components/empty.tsx'
import { ErrorSummary, type FormProblem, problemOf } from '../components/error-summary.tsx'
import { Field, InputField, Select } from '../components/field.tsx'
import { Section } from '../components/section.tsx'
import { Table } from '../components/table.tsx'
import { roleName } from '../names.ts'

const rightName: Record<Right, string> = {
  read: 'Read: see it and its runs, download exports',
  run: 'Run: also start, cancel and repair runs',
  manage: 'Manage: also mapping, sharing and deletion',
}
const shortName: Record<Right, string> = { read: 'Read', run: 'Run', manage: 'Manage' }

interface Props {
  datasetId: string
  shares: readonly Share[]
  /** What was typed when it was refused, and why. */
  typed?: string | undefined
  problems?: readonly FormProblem[] | undefined
}

const nameOf = ({ with: who }: Share) =>
  'role' in who ? `Every ${roleName[who.role].toLowerCase()}` : who.name

/** With whom a dataset is shared, and the form that shares it; works without script. */
export const ShareSection = ({ datasetId, shares, typed, problems = [] }: Props) => (
  <Section
    id="share"
    title="Share"
    count={String(shares.length)}
    note="A share holds for its runs as well, and never gives more than the role does."
  >
    <ErrorSummary title="Nothing was shared" problems={problems} />
    {shares.length === 0 ? (
      <Empty>Only its owner and those who see everything can see it.</Empty>
    ) : (
      <Table labelledBy="share" kind="table--stack">
        <thead>
          <tr>
            <th scope="col">With</th>
            <th scope="col">May</th>
            <th scope="col">
              <span class="vh">Action</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shares.map((share) => (
            <tr>
              <th scope="row" class="main-cell">
                {nameOf(share)}
                {'role' in share.with ? null : <small class="muted"> {share.with.email}</small>}
              </th>
              <td data-label="May">{shortName[share.right]}</td>
              <td>
                <form method="post" action={`/datasets/${datasetId}/shares/${share.id}/removal`}>
                  <button class="button button--s" type="submit">
                    Remove<span class="vh"> {nameOf(share)}</span>
                  </button>
                </form>
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    )}
    <form method="post" action={`/datasets/${datasetId}/shares`} class="stack stack--s">
      <InputField
        name="with"
        label="Person"
        hint="Their e-mail address or name."
        problems={problems}
        maxlength={254}
        value={typed}
      />
      <Field
        id="role"
        label="Or a role"
        hint="Everybody who has it, now and later."
        control={(tied) => (
          <Select
            tied={tied}
            name="role"
            value=""
            options={[
              { value: '', label: 'None, one person' },
              ...shareableRoles.map((role) => ({
                value: role,
                label: `Every ${roleName[role].toLowerCase()}`,
              })),
            ]}
          />
        )}
      />
      <Field
        id="right"
        label="May"
        problem={problemOf(problems, 'right')}
        control={(tied) => (
          <Select
            tied={tied}
            name="right"
            value="read"
            options={rights.map((right) => ({ value: right, label: rightName[right] }))}
          />
        )}
      />
      <p class="actions">
        <button class="button" type="submit">
          Share
        </button>
      </p>
    </form>
  </Section>
)
