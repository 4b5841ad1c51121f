/** The four real states; overlays never replace them. */
export const states = ['HEALTHY', 'DEGRADED', 'UNKNOWN', 'FAILED'] as const
export type State = (typeof states)[number]

/** FAILED > UNKNOWN > DEGRADED > HEALTHY: what is not known ranks above what is known to be half good. */
export const severityOf = (state: State): number => states.indexOf(state)

/** The worst state; undefined when there is none to ask. */
export const worstState = (found: readonly State[]): State | undefined =>
  states.findLast((state) => found.includes(state))

export const bestState = (found: readonly State[]): State | undefined =>
  states.find((state) => found.includes(state))
