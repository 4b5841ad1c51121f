import { createHmac } from 'node:crypto'
import type { Conversation } from '../conversations/conversation.ts'

/**
 * Equal for conversations that say the same, whatever their whitespace and metadata; keyed, so that it says
 * nothing about a text one could guess. Tool calls count too: an assistant that only calls has no content.
 */
export function fingerprint({ messages }: Conversation, key: Uint8Array): string {
  const said = messages.map(({ role, content, toolCalls = [] }) => [
    role,
    content.replace(/\s+/g, ' ').trim(),
    ...toolCalls.map((call) => [call.name, call.arguments]),
  ])
  return createHmac('sha256', key).update(JSON.stringify(said)).digest('hex').slice(0, 32)
}
