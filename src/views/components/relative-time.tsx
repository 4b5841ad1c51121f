import { ago, exactTime } from './format.ts'

/** "4 min ago", exact on hover; the script keeps it fresh. */
export const RelativeTime = ({ at, now }: { at: Date; now: Date }) => (
  <time datetime={at.toISOString()} title={exactTime(at)} data-relative>
    {ago(at, now)}
  </time>
)

/** The same of something that may not have happened yet. */
export const TimeOrNever = ({ at, now }: { at: Date | null; now: Date }) =>
  at === null ? <span class="muted">never</span> : <RelativeTime at={at} now={now} />
