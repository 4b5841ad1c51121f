import type { Child } from 'hono/jsx'

interface Props {
  id: string
  title: string
  count?: string | undefined
  note?: Child
  /** To the right of the title: a link or a group of buttons. */
  more?: Child
  children?: Child
}

/** A part of a page with its heading; the space stands between sections, not inside them. */
export const Section = ({ id, title, count, note, more, children }: Props) => (
  <section class="section" id={`${id}-section`} aria-labelledby={id}>
    <div class="section__head">
      <h2 id={id}>
        {title}
        {count === undefined ? null : <span class="count"> {count}</span>}
      </h2>
      {note === undefined ? null : <span class="section__note">{note}</span>}
      {more}
    </div>
    {children}
  </section>
)
