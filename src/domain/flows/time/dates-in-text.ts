import { localTime } from './local-time.ts'

/** What `{{…}}` may name in a path; the dates are those of the flow's time zone. */
export const dateNames = ['today', 'yesterday'] as const

/** Fills `{{today}}` and `{{yesterday}}` in as 2026-11-21. */
export function fillDates(text: string, now: number, timezone: string): string {
  return text.replace(/\{\{\s*(today|yesterday)\s*\}\}/g, (_, name: string) => {
    const { year, month, day } = localTime(now, timezone)
    return new Date(Date.UTC(year, month - 1, day - (name === 'yesterday' ? 1 : 0)))
      .toISOString()
      .slice(0, 10)
  })
}
