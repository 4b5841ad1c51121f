import type { ApiKey } from '../../domain/auth/api-key.ts'
import { Empty } from '../components/empty.tsx'
import { PageHead } from '../components/page-head.tsx'
import { Section } from '../components/section.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { ApiKeyTable } from './api-key-table.tsx'

interface Props extends Frame {
  keys: readonly ApiKey[]
  /** Older ones are left out. */
  hasMore: boolean
  now: Date
}

/** `GET /account/keys`: what one gave to programs, and what became of it. */
export const ApiKeysPage = ({ keys, hasMore, now, ...frame }: Props) => (
  <Shell frame={frame} title="API keys">
    <PageHead
      title="API keys"
      count={hasMore ? `the newest ${keys.length}` : String(keys.length)}
      crumbs={[{ text: 'Your account', href: '/account' }, { text: 'API keys' }]}
      actions={
        <a class="button button--primary" href="/account/keys/new">
          New key
        </a>
      }
    />
    <Section
      id="keys"
      title="For programs"
      note="A key does no more than its scopes, and never more than you may."
    >
      {keys.length === 0 ? (
        <Empty>You have no key. Make one for a program that is to work in your name.</Empty>
      ) : (
        <ApiKeyTable labelledBy="keys" keys={keys} withOwners={false} list="/account/keys" now={now} />
      )}
    </Section>
  </Shell>
)
