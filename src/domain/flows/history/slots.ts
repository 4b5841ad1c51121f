/** What was found in a slot; -1 is the time before the first. States are numbers, the greater the worse. */
export interface Stretch {
  readonly slot: number
  readonly worst: number
  /** The state at its end, which holds on. */
  readonly last: number
  /** When the last result in it, or the stretch that goes on in the next slots, ended. */
  readonly to: number
}

/**
 * The worst state of each slot. Between two results the last one holds, but no longer than it is good for.
 * @param stretches in the order of their slots
 * @param hold milliseconds for which a result holds
 */
export function slotStates(
  stretches: readonly Stretch[],
  { from, to, slots }: { readonly from: number; readonly to: number; readonly slots: number },
  hold: number,
  now: number,
): (number | undefined)[] {
  const width = (to - from) / slots
  const bySlot = new Map(stretches.map((stretch) => [stretch.slot, stretch]))
  let held = bySlot.get(-1)
  return Array.from({ length: slots }, (_, slot) => {
    const begins = from + slot * width
    const stretch = bySlot.get(slot)
    const isHeld = held !== undefined && held.to + hold > begins && begins <= now
    const carried = isHeld ? held?.last : undefined
    if (stretch !== undefined) held = stretch
    if (stretch === undefined) return carried
    return carried === undefined ? stretch.worst : Math.max(stretch.worst, carried)
  })
}
