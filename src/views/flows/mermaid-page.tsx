import { html } from 'hono/html'
import type { WatchedFlow } from '../../domain/flows/monitor/flow-monitor.ts'
import { Section } from '../components/section.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { FlowHead } from './flow-head.tsx'

interface Props extends Frame {
  watched: WatchedFlow
  /** Mermaid text with the states of now. */
  source: string
}

/** `GET /flows/:flow/mermaid`: the Mermaid text of a flow, and how the mermaid package itself draws it. */
export const MermaidPage = ({ watched, source, ...frame }: Props) => (
  <Shell frame={frame} title={`Mermaid of ${watched.flow.name}`} place="flows">
    <FlowHead watched={watched} tab="mermaid" />
    <Section
      id="drawn"
      title="Drawn by Mermaid"
      note="as any program with Mermaid draws it; the page of the flow has its own drawing"
    >
      {/* biome-ignore lint/a11y/useSemanticElements: a drawing that scrolls in its own box */}
      <div class="flow-frame flow-frame--paper" role="group" aria-labelledby="drawn" tabindex={0}>
        <div id="mermaid-drawing">
          <p class="quiet" data-no-script>
            Drawing it needs script, and script is off here. The text below says the same.
          </p>
        </div>
      </div>
      {html`<script type="module" src="/draw-mermaid.js"></script>`}
    </Section>
    <Section
      id="source"
      title="Mermaid text"
      note="also at /diagram, for programs"
      more={
        <div class="actions">
          <button
            class="button button--s"
            type="button"
            data-copy={source}
            aria-label="Copy the Mermaid text"
          >
            Copy
          </button>
        </div>
      }
    >
      <pre class="code" id="mermaid-source" tabindex={0}>
        {source}
      </pre>
    </Section>
  </Shell>
)
