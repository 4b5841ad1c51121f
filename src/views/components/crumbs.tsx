export interface Crumb {
  readonly text: string
  /** Absent for the place the reader stands at. */
  readonly href?: string
  /** An id and no words: set as ids are everywhere. */
  readonly isId?: true
}

/** The way back up. */
export const Crumbs = ({ crumbs }: { crumbs: readonly Crumb[] }) => (
  <nav class="crumbs-nav" aria-label="Breadcrumb">
    <ol class="crumbs">
      {crumbs.map(({ text, href, isId }) => (
        <li>
          {href === undefined ? (
            <span class={isId ? 'id' : undefined} aria-current="page">
              {text}
            </span>
          ) : (
            <a href={href}>{text}</a>
          )}
        </li>
      ))}
    </ol>
  </nav>
)
