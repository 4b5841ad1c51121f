/**
 * How fast a stage goes and when it will be done, from what it did since it started.
 * @param expected records that will enter the stage in all; an estimate while ingestion reads
 * @returns records per second, and seconds left while it runs; nothing before the first second
 */
export function paceOf(
  stage: {
    readonly status: string
    readonly recordsOut: number
    readonly quarantined: number
    readonly startedAt: Date | null
    readonly finishedAt: Date | null
  },
  expected: number,
  now: Date,
): { readonly ratePerSecond?: number; readonly secondsLeft?: number } {
  if (stage.startedAt === null) return {}
  const end = stage.finishedAt ?? now
  const seconds = (end.getTime() - stage.startedAt.getTime()) / 1000
  const done = stage.recordsOut + stage.quarantined
  if (seconds < 0.5 || done === 0) return {}
  const ratePerSecond = done / seconds
  if (stage.status !== 'running') return { ratePerSecond }
  return { ratePerSecond, secondsLeft: Math.max(0, (expected - done) / ratePerSecond) }
}
