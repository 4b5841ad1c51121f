import type { RunStatus } from './run.ts'

/** What became, or will become, of everything between the sources and the exports of a run that has ended. */
export type Intermediates =
  | { readonly state: 'kept'; readonly until: Date }
  | { readonly state: 'pinned'; readonly by: string; readonly at: Date }
  | { readonly state: 'removed'; readonly at: Date }
  /** Failed or cancelled: a resume needs them. */
  | { readonly state: 'resumable' }

const dayMs = 86_400_000

/** Runs completed up to this moment have kept their intermediates for so many days. */
export const completedBefore = (now: Date, days: number): Date => new Date(now.getTime() - days * dayMs)

/**
 * @param days how long intermediates are kept after a run completed
 * @returns undefined while a run without a pin goes on
 */
export function intermediatesOf(
  run: {
    readonly status: RunStatus
    readonly finishedAt: Date | null
    readonly removedAt: Date | null
    readonly pin: { readonly by: string; readonly at: Date } | undefined
  },
  days: number,
): Intermediates | undefined {
  if (run.removedAt !== null) return { state: 'removed', at: run.removedAt }
  if (run.pin !== undefined) return { state: 'pinned', ...run.pin }
  if (run.finishedAt === null) return undefined
  if (run.status !== 'completed') return { state: 'resumable' }
  return { state: 'kept', until: new Date(run.finishedAt.getTime() + days * dayMs) }
}
