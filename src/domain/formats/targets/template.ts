import type { Conversation } from '../../conversations/conversation.ts'
import type { JsonObject } from '../../json.ts'
import type { ByteSink } from '../writers/byte-sink.ts'

export type Rendered =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly reason: 'target-cannot-carry' }

/** How a conversation is written for one training format: pure and deterministic. */
export interface TargetTemplate {
  readonly title: string
  /** For people: what of a conversation the format has no place for. */
  readonly loses: string
  /** Every key a rendered record may have, in order; the columns of tabular files. */
  readonly columns: readonly string[]
  render(conversation: Conversation): Rendered
  /**
   * Writes the same record as JSON text, from the texts of a conversation whose messages have nothing but role,
   * content and name. Only where that is a matter of copying: it spares parsing and writing every message again.
   */
  copyTexts?(texts: ConversationTexts, out: ByteSink): void
}

/**
 * The parts of a canonical conversation as JSON texts in UTF-8: where in `body` each begins, with one byte between
 * them; `tools` is empty where there are none.
 */
export interface ConversationTexts {
  readonly body: Buffer
  readonly messages: number
  readonly tools: number
  readonly meta: number
  /** One behind the byte that ends `meta`. */
  readonly end: number
}

export const rendered = (value: JsonObject): Rendered => ({ ok: true, value })
export const cannotCarry: Rendered = { ok: false, reason: 'target-cannot-carry' }

const usesTools = ({ messages, tools }: Conversation): boolean =>
  (tools?.length ?? 0) > 0 || messages.some(({ role, toolCalls }) => role === 'tool' || toolCalls?.length)

/** A conversation that is an optional system text, then strict pairs of user and assistant. */
export interface Exchanges {
  readonly system: string | undefined
  readonly pairs: readonly (readonly [user: string, assistant: string])[]
}

/** Undefined when the conversation is anything but an optional system text and user/assistant pairs. */
export function exchangesOf(conversation: Conversation): Exchanges | undefined {
  if (usesTools(conversation)) return undefined
  const { messages } = conversation
  const turns = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer')
  if (turns < 0 || (messages.length - turns) % 2 !== 0) return undefined
  const system = messages.slice(0, turns).map(({ content }) => content)
  const pairs: [string, string][] = []
  for (let index = turns; index < messages.length; index += 2) {
    const user = messages[index]
    const assistant = messages[index + 1]
    if (user?.role !== 'user' || assistant?.role !== 'assistant') return undefined
    pairs.push([user.content, assistant.content])
  }
  return { system: system.length > 0 ? system.join('\n\n') : undefined, pairs }
}
