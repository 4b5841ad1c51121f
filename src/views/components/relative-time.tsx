import { ago, exactTime } from './format.ts'

/** "4 min ago", exact on hover; the script keeps it fresh. */
export const RelativeTime = ({ at, now }: { at: Date; now: Date }) => (
  <time datetime={at.toISOString()} title={exactTime(at)} data-relative>
    {ago(at, now)}
  </time>
)
