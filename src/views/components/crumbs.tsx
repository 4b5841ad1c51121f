export interface Crumb {
  readonly text: string
  /** Absent for the place the reader stands at. */
  readonly href?: string
}

/** The way back up. */
export const Crumbs = ({ crumbs }: { crumbs: readonly Crumb[] }) => (
  <nav class="crumbs-nav" aria-label="Breadcrumb">
    <ol class="crumbs">
      {crumbs.map(({ text, href }) => (
        <li>{href === undefined ? <span class="id">{text}</span> : <a href={href}>{text}</a>}</li>
      ))}
    </ol>
  </nav>
)
