import { isReviewDue, type Review } from '../../domain/audit/audit-view.ts'
import type { Verdict } from '../../domain/audit/verification.ts'
import { duration, number } from '../components/format.ts'
import type { MarkState } from '../components/mark.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Plate, State } from '../components/state.tsx'

/** What is known of the log as a whole. */
export interface LogState {
  readonly rows: number
  readonly waiting: number
  /** Since when the oldest entry waits that is not in the log yet. */
  readonly waitingSince: Date | null
  readonly checkpoint: { readonly size: number; readonly at: Date } | null
  readonly verification: {
    readonly at: Date
    readonly outcome: Verdict['outcome']
    readonly rows: number
    readonly seconds: number
    readonly finding: string | null
    readonly seq: number | null
  } | null
  readonly isOwnedByApplication: boolean
}

const marks = { whole: 'healthy', tampered: 'failed', incomplete: 'degraded' } as const satisfies Record<
  Verdict['outcome'],
  MarkState
>
const words = { whole: 'Whole', tampered: 'Tampered', incomplete: 'Incomplete' } as const

/** How the last verification ended. */
export const VerificationPlate = ({ verification }: Pick<LogState, 'verification'>) =>
  verification === null ? (
    <Plate state="unknown" word="Not verified yet" />
  ) : (
    <Plate state={marks[verification.outcome]} word={words[verification.outcome]} />
  )

/** The same in a line: when, how long, and what was found. */
export const VerificationLine = ({ verification, now }: Pick<LogState, 'verification'> & { now: Date }) =>
  verification === null ? (
    <>never verified; the first check comes after 03:00 UTC</>
  ) : (
    <>
      verified <RelativeTime at={verification.at} now={now} />, {number(verification.rows)} entries in{' '}
      {duration(verification.seconds * 1000)}
    </>
  )

/** Whether somebody looks through the log every week. */
export const ReviewState = ({ review, now }: { review: Review | undefined; now: Date }) => (
  <>
    {isReviewDue(review, now) ? (
      <State state="degraded" word="Review is due" />
    ) : (
      <State state="healthy" word="Reviewed" />
    )}{' '}
    {review === undefined ? (
      'never looked through'
    ) : (
      <>
        up to entry {number(review.throughSeq)} by {review.by}, <RelativeTime at={review.at} now={now} />
      </>
    )}
  </>
)
