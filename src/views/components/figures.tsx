export interface Figure {
  readonly label: string
  readonly value: string
  readonly more?: string | undefined
  readonly bad?: boolean
}

/** The few numbers a page is about, in one row. */
export const Figures = ({ figures }: { figures: readonly Figure[] }) => (
  <dl class="figures">
    {figures.map(({ label, value, more, bad }) => (
      <div class={bad === true ? 'is-bad' : undefined}>
        <dt>{label}</dt>
        <dd>
          {value}
          {more === undefined ? null : <small>{more}</small>}
        </dd>
      </div>
    ))}
  </dl>
)
