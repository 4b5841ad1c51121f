import type { Child } from 'hono/jsx'

export interface Fact {
  readonly label: Child
  readonly value: Child
}

/** Names and values below each other. */
export const Facts = ({ facts }: { facts: readonly Fact[] }) => (
  <dl class="facts facts--top">
    {facts.map(({ label, value }) => (
      <div>
        <dt>{label}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
)
