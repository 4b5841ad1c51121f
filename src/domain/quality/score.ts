import type { Conversation } from '../conversations/conversation.ts'
import type { Check, Finding } from './check.ts'

export interface Assessment {
  /** Thousandths, 0 to 1000. */
  readonly score: number
  readonly findings: readonly Finding[]
}

/** 1000 less what each check found, each up to its cap. Integers only, so that no order can change it. */
export function assess(conversation: Conversation, checks: readonly Check[]): Assessment {
  let score = 1000
  const findings: Finding[] = []
  for (const check of checks) {
    const found = check.inspect(conversation)
    score -= Math.min(
      check.cap,
      found.reduce((sum, { effect }) => sum + effect, 0),
    )
    for (const each of found) findings.push(each)
  }
  return { score: Math.max(0, score), findings }
}
