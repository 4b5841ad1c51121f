/** Something on the overview that waits for a person: a sentence, since when, and where to go. */
export interface AttentionItem {
  readonly id: string
  readonly state: 'failed' | 'degraded' | 'unknown'
  /** What happened, in one line. */
  readonly title: string
  /** Because of what, and what to do next. */
  readonly detail: string
  readonly href: string
  /** Null where it has no single moment. */
  readonly since: Date | null
}
