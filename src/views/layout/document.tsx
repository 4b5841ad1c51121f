import { html } from 'hono/html'
import type { Child } from 'hono/jsx'

interface Props {
  title: string
  bodyClass?: string
  /** Pages without forms beyond the plainest need no script at all. */
  script?: boolean
  /** Loaded anew so often where there is no script. */
  refreshSeconds?: number | undefined
  children?: Child
}

/** htmx swaps no error answers, and neither evaluates code nor keeps history of its own. */
const htmxConfig = JSON.stringify({ noSwap: [204, 304, '4xx', '5xx'] })

const Root = ({ title, bodyClass, script = true, refreshSeconds, children }: Props) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>{`${title} · Signalbox`}</title>
      <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
      <link rel="stylesheet" href="/portal.css" />
      {refreshSeconds === undefined ? null : (
        <noscript>
          <meta http-equiv="refresh" content={String(refreshSeconds)} />
        </noscript>
      )}
      {script ? (
        <>
          <meta name="htmx-config" content={htmxConfig} />
          <script src="/vendor/htmx/htmx.min.js" defer />
          <script src="/scripts/portal.js" type="module" />
        </>
      ) : null}
    </head>
    <body class={bodyClass}>{children}</body>
  </html>
)

/** A whole page with its doctype; nothing in it is inline, so that the policy can forbid that. */
export const Document = (props: Props) => html`<!doctype html>
${<Root {...props} />}`
