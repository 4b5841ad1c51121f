import type { ApiKey } from '../../domain/auth/api-key.ts'
import { ApiKeyTable } from '../account/api-key-table.tsx'
import { Empty } from '../components/empty.tsx'
import { PageHead } from '../components/page-head.tsx'
import { Section } from '../components/section.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { AdminTabs } from './admin-tabs.tsx'

interface Props extends Frame {
  keys: readonly (ApiKey & { readonly owner: string; readonly email: string })[]
  hasMore: boolean
  q?: string | undefined
  now: Date
}

/** `GET /admin/api-keys?q=…`: with what programs sign in, in whose name. */
export const AdminApiKeysPage = ({ keys, hasMore, q, now, ...frame }: Props) => (
  <Shell frame={frame} title="API keys" place="admin">
    <PageHead title="API keys" count={hasMore ? `the first ${keys.length}` : String(keys.length)} />
    <AdminTabs current="api-keys" role={frame.viewer?.role} />
    <Section
      id="keys"
      title="What people gave to programs"
      note="A key stops with its owner, and never does more than they may."
    >
      <form class="toolbar" aria-label="Filter keys" action="/admin/api-keys">
        <label class="vh" for="q">
          Owner, name or beginning of a key
        </label>
        <input class="input" id="q" name="q" type="search" placeholder="Owner or name" value={q} />
        <button class="button button--s" type="submit">
          Filter
        </button>
      </form>
      {keys.length === 0 ? (
        <Empty>
          {q === undefined ? 'Nobody has made a key.' : 'No key matches. Empty the filter to see all.'}
        </Empty>
      ) : (
        <ApiKeyTable labelledBy="keys" keys={keys} withOwners list="/admin/api-keys" now={now} />
      )}
    </Section>
  </Shell>
)
