import type { Child } from 'hono/jsx'
import { Brand } from './brand.tsx'
import { Document } from './document.tsx'

/** A narrow page for someone who is not signed in: one form, one track below it. */
export const Plain = ({ title, foot, children }: { title: string; foot?: string; children?: Child }) => (
  <Document title={title} bodyClass="sign-in" script={false}>
    <header class="sign-in__head">
      <Brand />
    </header>
    <main class="sign-in__main" id="main">
      <h1>{title}</h1>
      {children}
    </main>
    <footer>
      <svg
        class="sign-in__line"
        viewBox="0 0 1440 56"
        preserveAspectRatio="xMidYMid slice"
        aria-hidden="true"
      >
        <path d="M0 36h1440" />
        <path class="is-set" d="M0 36h520l40-18h320l40 18h520" />
        <path d="M560 36h320" />
        <circle class="is-set" cx="240" cy="36" r="6" />
        <circle class="is-set" cx="720" cy="18" r="6" />
        <circle cx="720" cy="36" r="6" />
        <circle class="is-set" cx="1200" cy="36" r="6" />
      </svg>
      <p class="sign-in__foot">
        <span>{foot ?? 'Every sign-in is written to the audit log.'}</span>
        <span>Signalbox</span>
      </p>
    </footer>
  </Document>
)
