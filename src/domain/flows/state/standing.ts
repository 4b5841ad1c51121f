import type { Left } from './check-state.ts'
import type { State } from './state.ts'

/** What is shown of a part, since when, and what was shown of it before; as far as is remembered. */
export interface Past {
  readonly state: State
  /** undefined: it was never otherwise. */
  readonly since: number | undefined
  readonly left?: Left
}

/**
 * Since when a state that follows from those of its parts holds, and what it was before. Parts that change meanwhile
 * move it only where the whole really changed: of two that failed one after the other and of which the first is mended,
 * the whole has failed since the first.
 * @param reckon the state of the whole; it gets no better when a part gets worse
 */
export function standingOf(parts: readonly Past[], reckon: (states: readonly State[]) => State): Past {
  const state = reckon(parts.map((part) => part.state))
  const known = parts.flatMap(({ since, left }) => [since ?? [], left?.since ?? []].flat())
  const turns = [...new Set(known)].toSorted((a, b) => b - a)
  /** undefined: too little is remembered to tell. */
  const before = (turn: number): State | undefined => {
    const best = reckon(parts.map((part) => stateBefore(part, turn) ?? 'HEALTHY'))
    return best === reckon(parts.map((part) => stateBefore(part, turn) ?? 'FAILED')) ? best : undefined
  }
  const since = turns.find((turn) => before(turn) !== state)
  const last = since === undefined ? undefined : before(since)
  if (since === undefined || last === undefined) return { state, since }
  const lastSince = turns.find((turn) => turn < since && before(turn) !== last)
  return { state, since, left: { state: last, ...(lastSince === undefined ? {} : { since: lastSince }) } }
}

/** undefined: not remembered. */
function stateBefore({ state, since, left }: Past, turn: number): State | undefined {
  if (since === undefined || since < turn) return state
  return left !== undefined && (left.since === undefined || left.since < turn) ? left.state : undefined
}
