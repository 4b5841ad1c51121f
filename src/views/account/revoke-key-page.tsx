import type { ApiKey } from '../../domain/auth/api-key.ts'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'

interface Props extends Frame {
  apiKey: ApiKey & { readonly owner: string }
  /** The list one came from. */
  list: '/account/keys' | '/admin/api-keys'
  now: Date
}

/** `GET /account/keys/:keyId/revocation`, and the same for administrators: what ends with a key, before it does. */
export const RevokeKeyPage = ({ apiKey, list, now, ...frame }: Props) => {
  const { id, name, prefix, owner, lastUsedAt } = apiKey
  const title = `Revoke ${name}?`
  const isAdmin = list === '/admin/api-keys'
  return (
    <Shell frame={frame} title={title} {...(isAdmin ? { place: 'admin' as const } : {})}>
      <PageHead title={title} crumbs={[{ text: 'API keys', href: list }, { text: 'Revoke' }]} />
      <form method="post" action={`${list}/${id}/revocation`} class="stack stack--s">
        <p>
          The key <code class="id">{prefix}…</code>
          {isAdmin ? ` of ${owner}` : ''}{' '}
          {lastUsedAt === null ? (
            'was never used.'
          ) : (
            <>
              was last used <RelativeTime at={lastUsedAt} now={now} />.
            </>
          )}
        </p>
        <p>
          From the next request on it opens nothing, nor do the tokens that were made with it. It cannot be
          brought back; runs that it started go on.
        </p>
        <p class="actions">
          <button class="button button--danger-primary" type="submit">
            Revoke key
          </button>
          <a class="button button--quiet" href={list}>
            Cancel
          </a>
        </p>
      </form>
    </Shell>
  )
}
