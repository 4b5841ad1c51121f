import type { ConversationTexts } from './template.ts'

const text = {
  messages: Buffer.from('{"messages":'),
  tools: Buffer.from(',"tools":'),
  meta: Buffer.from(',"meta":'),
  end: Buffer.from('}'),
}

/** Plain messages are written in OpenAI's way just as they are kept, so their text is copied. */
export function chatTexts({ messages, tools, meta }: ConversationTexts, withMeta: boolean): Uint8Array[] {
  const pieces: Uint8Array[] = [text.messages, messages]
  if (tools.length > '[]'.length) pieces.push(text.tools, tools)
  if (withMeta && meta.length > '{}'.length) pieces.push(text.meta, meta)
  pieces.push(text.end)
  return pieces
}
