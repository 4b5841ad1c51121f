import type { Child } from 'hono/jsx'

/** A list without rows: says why, and what to do next. */
export const Empty = ({ children }: { children?: Child }) => <p class="empty empty--row">{children}</p>

/** A page without anything yet: one sentence and the way on. */
export const EmptyPage = ({
  title,
  children,
  actions,
}: {
  title: string
  children?: Child
  actions?: Child
}) => (
  <div class="empty">
    <h2>{title}</h2>
    <p>{children}</p>
    {actions === undefined ? null : <div class="actions">{actions}</div>}
  </div>
)
