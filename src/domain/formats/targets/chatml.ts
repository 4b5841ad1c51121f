import type { JsonObject } from '../../json.ts'
import { copyChat } from './chat-texts.ts'
import { chatMessage } from './openai.ts'
import { rendered, type TargetTemplate } from './template.ts'

export const chatml: TargetTemplate = {
  title: 'ChatML messages',
  loses: 'Metadata of single messages.',
  columns: ['messages', 'tools', 'meta'],
  render({ messages, tools, meta }) {
    const value: JsonObject = { messages: messages.map(chatMessage) }
    if (tools?.length) value.tools = [...tools]
    if (Object.keys(meta).length > 0) value.meta = meta
    return rendered(value)
  },
  copyTexts: (texts, out) => copyChat(texts, out, true),
}
