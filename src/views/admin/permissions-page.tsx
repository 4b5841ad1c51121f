import { type Asker, askers, type Operation, type Reach } from '../../domain/auth/operations.ts'
import { PageHead } from '../components/page-head.tsx'
import { Section } from '../components/section.tsx'
import { Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { roleName } from '../names.ts'
import { AdminTabs } from './admin-tabs.tsx'

const askerName: Record<Asker, string> = { nobody: 'Not signed in', ...roleName }
const reachName: Record<Reach, string> = { none: '–', own: 'own', shared: 'own, shared', any: 'yes' }
const rightName = { read: 'Read', run: 'Run', manage: 'Manage' } as const

interface Props extends Frame {
  operations: readonly (Operation & { readonly name: string })[]
}

/** `GET /admin/permissions`: the table that decides, as it stands. */
export const PermissionsPage = ({ operations, ...frame }: Props) => (
  <Shell frame={frame} title="Permissions" place="admin">
    <PageHead title="Who may do what" meta="This is the table that every request is measured by." />
    <AdminTabs current="permissions" role={frame.viewer?.role} />
    <Section
      id="operations"
      title="Operations and roles"
      note="Own, shared: one’s own datasets and runs, and those shared with the right that is named."
    >
      <Table labelledBy="operations" kind="table--dense">
        <thead>
          <tr>
            <th scope="col">Operation</th>
            {askers.map((asker) => (
              <th scope="col">{askerName[asker]}</th>
            ))}
            <th scope="col">Share needed</th>
            <th scope="col">Asks again</th>
          </tr>
        </thead>
        <tbody>
          {operations.map(({ name, title, reach, right, stepUp }) => (
            <tr>
              <th scope="row">
                {title} <small class="muted id">{name}</small>
              </th>
              {askers.map((asker) => (
                <td class={reach[asker] === 'none' ? 'zero' : undefined}>
                  {reach[asker] === 'none' ? <span class="vh">no</span> : null}
                  {reachName[reach[asker]]}
                </td>
              ))}
              <td>{right === undefined ? '' : rightName[right]}</td>
              <td>{stepUp === true ? 'password or code' : ''}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Section>
  </Shell>
)
