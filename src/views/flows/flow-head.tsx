import type { Child } from 'hono/jsx'
import type { WatchedFlow } from '../../domain/flows/monitor/flow-monitor.ts'
import { PageHead } from '../components/page-head.tsx'

const tabs = [
  { id: 'now', text: 'Now', path: '' },
  { id: 'configuration', text: 'Configuration', path: '/configuration' },
  { id: 'mermaid', text: 'Mermaid', path: '/mermaid' },
] as const

interface Props {
  watched: WatchedFlow
  tab: (typeof tabs)[number]['id']
  meta?: Child
}

/** The head of all pages of a flow, with the way between them. */
export const FlowHead = ({ watched: { id, flow }, tab, meta }: Props) => (
  <>
    <PageHead
      title={flow.name}
      crumbs={[
        { text: 'Flows', href: '/flows' },
        { text: id, isId: true },
      ]}
      meta={meta ?? (flow.description === undefined ? undefined : <span>{flow.description}</span>)}
      actions={
        <a class="button" href={`/board/${id}`}>
          Wall board
        </a>
      }
    />
    <nav class="tabs" aria-label="Flow">
      {tabs.map(({ id: each, text, path }) => (
        <a href={`/flows/${id}${path}`} aria-current={each === tab ? 'page' : undefined}>
          {text}
        </a>
      ))}
    </nav>
  </>
)
