import type { Child } from 'hono/jsx'
import type { Page } from '../../domain/pipeline/run-view.ts'
import { number } from './format.ts'

interface Props {
  page: Page<unknown>
  /** Address of the list with its filters, without the page. */
  path: string
  query?: Readonly<Record<string, string | undefined>>
  /** Id of a form whose fields go along: pages are its buttons then, so that what was ticked is not lost. */
  form?: string | undefined
}

/** Address of one page of a list; page 1 is the plain address. */
export function pageHref(path: string, query: Props['query'], page: number): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== '') search.set(key, value)
  }
  if (page > 1) search.set('page', String(page))
  const text = search.toString()
  return text === '' ? path : `${path}?${text}`
}

/** First, last and the neighbours of the current page; 0 stands for a gap. */
function shown(current: number, last: number): number[] {
  const wanted = [1, current - 1, current, current + 1, last].filter((page) => page >= 1 && page <= last)
  const pages = [...new Set(wanted)].sort((a, b) => a - b)
  return pages.flatMap((page, index) => {
    const before = pages[index - 1]
    return before !== undefined && page - before > 1 ? [0, page] : [page]
  })
}

interface StepProps {
  to: number
  href: string
  form: string | undefined
  rel?: 'prev' | 'next'
  label?: string
  children?: Child
}

const Step = ({ to, href, form, rel, label, children }: StepProps) =>
  form === undefined ? (
    <a href={href} rel={rel} aria-label={label}>
      {children}
    </a>
  ) : (
    <button type="submit" form={form} name="page" value={to} aria-label={label}>
      {children}
    </button>
  )

/** Which rows are shown and the way to the others; only the note when all fit. */
export const Pager = ({ page: { rows, page, size, total }, path, query, form }: Props) => {
  if (total === 0) return null
  const last = Math.max(1, Math.ceil(total / size))
  const first = (page - 1) * size + 1
  const step = (to: number) => ({ to, href: pageHref(path, query, to), form })
  return (
    <nav class="pager" aria-label="Pages">
      <p class="pager__note">
        {rows.length === 0
          ? `none on this page, ${number(total)} in all`
          : `${number(first)} to ${number(first + rows.length - 1)} of ${number(total)}`}
      </p>
      {last === 1 && page === 1 ? null : (
        <>
          {page > 1 ? (
            <Step {...step(page - 1)} rel="prev" label="Previous page">
              ‹
            </Step>
          ) : null}
          {shown(page, last).map((to) =>
            to === 0 ? (
              <span aria-hidden="true">…</span>
            ) : to === page ? (
              <span aria-current="page">{number(to)}</span>
            ) : (
              <Step {...step(to)}>{number(to)}</Step>
            ),
          )}
          {page < last ? (
            <Step {...step(page + 1)} rel="next" label="Next page">
              ›
            </Step>
          ) : null}
        </>
      )}
    </nav>
  )
}
