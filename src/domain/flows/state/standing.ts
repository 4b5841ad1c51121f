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

/**
 * Since when a state that follows from those of its parts holds, and what it was before. Parts that change meanwhile
 * move it only where the whole really changed: of two that failed one after the other and of which the first is mended,
 * the whole has failed since the first.
 * @param reckon the state of the whole; it gets no better when a part gets worse
 */
export function standingOf(
  parts: readonly Standing[],
  reckon: (states: readonly State[]) => State,
): Standing {
  const known = parts.flatMap(({ since, past }) => [
    since ?? [],
    ...Object.values(past ?? {}).map((stretch) => [stretch.since ?? [], stretch.until].flat()),
  ])
  const turns = [...new Set(known.flat())].toSorted((a, b) => b - a)
  /** undefined: too little is remembered to tell. */
  const before = (turn: number): State | undefined => {
    const best = reckon(parts.map((part) => stateBefore(part, turn) ?? 'HEALTHY'))
    const worst = reckon(parts.map((part) => stateBefore(part, turn) ?? worstBefore(part, turn)))
    return best === worst ? best : undefined
  }
  const state = reckon(parts.map((part) => part.state))
  const since = turns.find((turn) => before(turn) !== state)
  const past: Partial<Record<State, Stretch>> = {}
  let until = since
  while (until !== undefined) {
    const end = until
    const last = before(end)
    if (last === undefined) return { state, since, past, knownFrom: end }
    until = turns.find((turn) => turn < end && before(turn) !== last)
    past[last] ??= { ...(until === undefined ? {} : { since: until }), until: end }
  }
  return { state, since, past }
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
