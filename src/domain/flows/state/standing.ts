import { type State, states } from './state.ts'

/** A state that is over; without a beginning it was never otherwise before. */
interface Stretch {
  readonly since?: number
  readonly until: number
}

/** The last stretch of each state that is over. */
export type Past = Readonly<Partial<Record<State, Stretch>>>

/** What is shown of something, since when, and what was before, as far as is remembered. */
export interface Standing {
  readonly state: State
  /** undefined: it was never otherwise. */
  readonly since: number | undefined
  readonly past?: Past
  /** Before this nothing is remembered, whatever the past leaves open. */
  readonly knownFrom?: number
}

/** The past once this is over as well. What is confirmed later began earlier: nothing of the past lasts beyond that. */
export function pastOf({ state, since, past }: Standing, until: number): Past {
  const over = { ...past, [state]: { ...(since === undefined ? {} : { since }), until } }
  return Object.fromEntries(
    Object.entries(over)
      .filter(([, stretch]) => stretch.since === undefined || stretch.since < until)
      .map(([each, stretch]) => [each, { ...stretch, until: Math.min(stretch.until, until) }]),
  )
}

/** The state of a whole from those of its parts, in their order; it gets no better when a part gets worse. */
type Reckon = (states: readonly State[]) => State

/**
 * Since when a state that follows from those of its parts holds. Parts that change meanwhile move it only where the whole
 * really changed: of two that failed one after the other and of which the first is mended, the whole has failed since
 * the first.
 * @returns undefined: it was never otherwise
 */
export const sinceOf = (parts: readonly Standing[], reckon: Reckon): number | undefined =>
  sinceIn(parts, reckon, turnsOf(parts), reckon(parts.map((part) => part.state)))

/** The same, and what it was before. */
export function standingOf(parts: readonly Standing[], reckon: Reckon): Standing {
  const turns = turnsOf(parts)
  const state = reckon(parts.map((part) => part.state))
  const since = sinceIn(parts, reckon, turns, state)
  const past: Partial<Record<State, Stretch>> = {}
  let until = since
  while (until !== undefined) {
    const end = until
    const last = wholeBefore(parts, reckon, end)
    if (last === undefined) return { state, since, past, knownFrom: end }
    until = turns.find((turn) => turn < end && wholeBefore(parts, reckon, turn) !== last)
    past[last] ??= { ...(until === undefined ? {} : { since: until }), until: end }
  }
  return { state, since, past }
}

const sinceIn = (parts: readonly Standing[], reckon: Reckon, turns: readonly number[], state: State) =>
  turns.find((turn) => wholeBefore(parts, reckon, turn) !== state)

/** When a part became something else, as far as is remembered; the newest first. */
function turnsOf(parts: readonly Standing[]): readonly number[] {
  const turns = new Set<number>()
  for (const { since, past = {} } of parts) {
    if (since !== undefined) turns.add(since)
    for (const state of states) {
      const stretch = past[state]
      if (stretch === undefined) continue
      turns.add(stretch.until)
      if (stretch.since !== undefined) turns.add(stretch.since)
    }
  }
  return [...turns].sort((a, b) => b - a)
}

/** undefined: too little is remembered to tell. */
function wholeBefore(parts: readonly Standing[], reckon: Reckon, turn: number): State | undefined {
  const known = parts.map((part) => stateBefore(part, turn))
  const best = reckon(known.map((state) => state ?? 'HEALTHY'))
  if (!known.includes(undefined)) return best
  const worst = reckon(parts.map((part, at) => known[at] ?? worstBefore(part, turn)))
  return best === worst ? best : undefined
}

/** undefined: not remembered. */
function stateBefore({ state, since, past = {} }: Standing, turn: number): State | undefined {
  if (since === undefined || since < turn) return state
  return states.find((each) => {
    const stretch = past[each]
    return stretch !== undefined && stretch.until >= turn && (stretch.since ?? turn - 1) < turn
  })
}

/** What was over before that was not so any more. */
function worstBefore({ past, knownFrom = turnOfTheWorld }: Standing, turn: number): State {
  if (past === undefined || turn <= knownFrom) return 'FAILED'
  return states.findLast((state) => (past[state]?.until ?? turn - 1) >= turn) ?? 'HEALTHY'
}
const turnOfTheWorld = Number.NEGATIVE_INFINITY
