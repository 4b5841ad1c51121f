/**
 * Where in its interval a check runs: from 0 up to the interval, always the same for one id, so that checks of one
 * interval are spread over it and not all begun at once.
 */
export function phaseOf(id: string, interval: number): number {
  // FNV-1a with a last mix (murmur3's), so that ids that differ in their last letter lie apart.
  let hash = 0x811c9dc5
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32) * interval
}

/** The next time of a fixed rate after `now`. What was missed meanwhile is not made up for. */
export const nextDue = (now: number, interval: number, phase: number): number =>
  (Math.floor((now - phase) / interval) + 1) * interval + phase

/** A new check does not wait for its hour: its first run is within its interval, and within this. */
const firstWithinMs = 2_000

export const firstDue = (now: number, id: string, interval: number): number =>
  now + phaseOf(id, Math.min(interval, firstWithinMs))
