import type { Child } from 'hono/jsx'
import { number } from './format.ts'

interface Props {
  /** Id of the heading that names the table. */
  labelledBy: string
  /** `table--stack` for lists that become blocks on a phone, `ledger`, `table--dense`. */
  kind?: string
  children?: Child
}

/** A table that can be scrolled sideways by keyboard and says what it is. */
export const Table = ({ labelledBy, kind, children }: Props) => (
  // biome-ignore lint/a11y/useSemanticElements: a fieldset groups controls, this is a scrollable table
  <div class="table-wrap" role="group" aria-labelledby={labelledBy} tabindex={0}>
    <table class={kind === undefined ? 'table' : `table ${kind}`}>{children}</table>
  </div>
)

interface CountProps {
  value: number | null
  /** For stacked tables on a phone. */
  label?: string
  href?: string | undefined
  /** Said when there is no number yet. */
  otherwise?: string
}

/** A cell with a count: zero is pale, a missing number is a word and never 0. */
export const Count = ({ value, label, href, otherwise = 'pending' }: CountProps) => (
  <td class={value === null || value === 0 ? 'num zero' : 'num'} data-label={label}>
    {value === null ? (
      otherwise
    ) : href === undefined || value === 0 ? (
      number(value)
    ) : (
      <a href={href}>{number(value)}</a>
    )}
  </td>
)
