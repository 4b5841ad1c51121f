import { type ApiKey, keyState } from '../../domain/auth/api-key.ts'
import { day } from '../components/format.ts'
import { RelativeTime } from '../components/relative-time.tsx'
import { State } from '../components/state.tsx'
import { Table } from '../components/table.tsx'

interface Props {
  labelledBy: string
  /** With their owners where they are not all one's own. */
  keys: readonly (ApiKey & { readonly owner?: string; readonly email?: string })[]
  withOwners: boolean
  /** The list they are in; below it, each is revoked. */
  list: '/account/keys' | '/admin/api-keys'
  now: Date
}

const stateOf = { active: 'healthy', expired: 'unknown', revoked: 'cancelled' } as const
const wordOf = { active: 'Active', expired: 'Expired', revoked: 'Revoked' } as const

/** API keys, one a row, with the way to revoke what still opens something. */
export const ApiKeyTable = ({ labelledBy, keys, withOwners, list, now }: Props) => (
  <Table labelledBy={labelledBy} kind="table--stack">
    <thead>
      <tr>
        <th scope="col">Name</th>
        {withOwners ? <th scope="col">Owner</th> : null}
        <th scope="col">State</th>
        <th scope="col">Scopes</th>
        <th scope="col">Created</th>
        <th scope="col">Expires</th>
        <th scope="col">Last used</th>
        <th scope="col">
          <span class="vh">Action</span>
        </th>
      </tr>
    </thead>
    <tbody>
      {keys.map((key) => {
        const state = keyState(key, now)
        return (
          <tr>
            <th scope="row" class="main-cell">
              {key.name} <code class="id">{key.prefix}…</code>
            </th>
            {withOwners ? (
              <td data-label="Owner">
                {key.owner} <small class="muted">{key.email}</small>
              </td>
            ) : null}
            <td data-label="State">
              <State state={stateOf[state]} word={wordOf[state]} />
            </td>
            <td data-label="Scopes">{key.scopes.join(', ')}</td>
            <td data-label="Created">
              <RelativeTime at={key.createdAt} now={now} />
            </td>
            <td data-label="Expires">{day(key.expiresAt)}</td>
            <td data-label="Last used">
              {key.lastUsedAt === null ? (
                <span class="muted">Never</span>
              ) : (
                <RelativeTime at={key.lastUsedAt} now={now} />
              )}
            </td>
            <td>
              {state === 'active' ? (
                <a class="button button--s" href={`${list}/${key.id}/revocation`}>
                  Revoke<span class="vh">, {key.name}</span>
                </a>
              ) : null}
            </td>
          </tr>
        )
      })}
    </tbody>
  </Table>
)
