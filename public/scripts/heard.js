// What stands in a part of the page that lost its server is old, and says so over itself.
export const oldAfter = 10_000
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const loadedAt = Date.now()
const heardAt = new WeakMap()

export function markHeard(part) {
  if (part?.dataset === undefined) return
  heardAt.set(part, Date.now())
  delete part.dataset.notLive
}

export function markLost(part, atOnce = false) {
  if (part?.dataset === undefined) return
  const at = heardAt.get(part) ?? loadedAt
  if (!atOnce && Math.abs(Date.now() - at) < oldAfter) return
  part.dataset.notLive = `Not live since ${clock.format(at)}: what stands here is as old as that.`
}
