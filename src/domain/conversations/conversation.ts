import type { Json, JsonObject } from '../json.ts'

/** The roles of a canonical conversation, after OpenAI chat messages; `function` is read as `tool`. */
export const roles = ['system', 'developer', 'user', 'assistant', 'tool'] as const
export type Role = (typeof roles)[number]

export interface ToolCall {
  readonly id: string
  readonly name: string
  /** JSON text, as in OpenAI messages: kept as written, it may not parse. */
  readonly arguments: string
}

export interface Message {
  readonly role: Role
  /** Empty string where the source had none (an assistant message that only calls tools). */
  readonly content: string
  readonly name?: string
  readonly toolCalls?: readonly ToolCall[]
  readonly toolCallId?: string
  /** Whatever else the source said of this message (labels, timestamps), carried along. */
  readonly meta?: JsonObject
}

/** The canonical form of a record. `meta` carries everything a target format cannot. */
export interface Conversation {
  readonly messages: readonly Message[]
  /** Function definitions as OpenAI tools: `{type:"function",function:{…}}`. */
  readonly tools?: readonly Json[]
  readonly meta: JsonObject
}
