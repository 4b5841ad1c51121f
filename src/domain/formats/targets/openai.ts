import type { Message } from '../../conversations/conversation.ts'
import type { JsonObject } from '../../json.ts'
import { copyChat } from './chat-texts.ts'
import { rendered, type TargetTemplate } from './template.ts'

/** A message as OpenAI chat completions write it. */
export function chatMessage({ role, content, name, toolCalls, toolCallId }: Message): JsonObject {
  const message: JsonObject = { role, content: toolCalls?.length && content === '' ? null : content }
  if (name !== undefined) message.name = name
  if (toolCalls?.length) {
    message.tool_calls = toolCalls.map((call) => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: call.arguments },
    }))
  }
  if (toolCallId !== undefined) message.tool_call_id = toolCallId
  return message
}

export const openai: TargetTemplate = {
  title: 'OpenAI messages',
  loses: 'Metadata of conversations and messages.',
  columns: ['messages', 'tools'],
  render({ messages, tools }) {
    const value: JsonObject = { messages: messages.map(chatMessage) }
    if (tools?.length) value.tools = [...tools]
    return rendered(value)
  },
  copyTexts: (texts, out) => copyChat(texts, out, false),
}
