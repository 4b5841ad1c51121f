import type { Child } from 'hono/jsx'
import { type Crumb, Crumbs } from './crumbs.tsx'

interface Props {
  title: string
  count?: string
  crumbs?: readonly Crumb[]
  /** The one plate of the page. */
  plate?: Child
  meta?: Child
  actions?: Child
}

/** The head of a page: where it is, what it is, its state, and what can be done with it. */
export const PageHead = ({ title, count, crumbs, plate, meta, actions }: Props) => (
  <header class="page-head">
    {crumbs === undefined ? null : <Crumbs crumbs={crumbs} />}
    <div class="page-head__title">
      <h1>
        {title}
        {count === undefined ? null : <span class="count"> {count}</span>}
      </h1>
      {plate}
    </div>
    {meta === undefined ? null : <p class="page-head__meta">{meta}</p>}
    {actions === undefined ? null : <div class="actions">{actions}</div>}
  </header>
)
