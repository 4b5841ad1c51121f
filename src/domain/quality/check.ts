import type { Conversation } from '../conversations/conversation.ts'

export type Severity = 'info' | 'minor' | 'major' | 'critical'

/** What a check found. Evidence is the span, never the text. */
export interface Finding {
  /** `check/rule`, e.g. `privacy/email`. */
  readonly rule: string
  readonly version: number
  readonly severity: Severity
  /** Index into the messages; null when the conversation as a whole is meant. */
  readonly message: number | null
  /** UTF-16 offsets into the message's content, [start, end); null for the whole message. */
  readonly span: readonly [start: number, end: number] | null
  /** Subtracted from the score of 1000 (thousandths), before the check's cap. */
  readonly effect: number
}

export interface Rule {
  readonly id: string
  readonly version: number
  readonly severity: Severity
  readonly effect: number
  /** For people: what it looks for. */
  readonly title: string
  /** Why it matters and what to do; shown beside a finding. */
  readonly explanation: string
}

/** A check: pure, deterministic, linear-time. A later tier is one file and one line in the registry. */
export interface Check {
  readonly name: string
  readonly title: string
  readonly version: number
  readonly rules: readonly Rule[]
  /** The most this check takes off a score, in thousandths, however much it finds. */
  readonly cap: number
  inspect(conversation: Conversation): Finding[]
}
