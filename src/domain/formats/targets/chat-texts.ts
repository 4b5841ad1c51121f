import type { ByteSink } from '../writers/byte-sink.ts'
import type { ConversationTexts } from './template.ts'

const text = {
  messages: Buffer.from('{"messages":'),
  tools: Buffer.from(',"tools":'),
  meta: Buffer.from(',"meta":'),
  end: Buffer.from('}'),
}

/** Plain messages are written in OpenAI's way just as they are kept, so their text is copied. */
export function copyChat(texts: ConversationTexts, out: ByteSink, withMeta: boolean): void {
  const { body, messages, tools, meta, end } = texts
  out.add(text.messages)
  out.addPart(body, messages, tools - 1)
  if (meta - tools - 1 > '[]'.length) {
    out.add(text.tools)
    out.addPart(body, tools, meta - 1)
  }
  if (withMeta && end - meta - 1 > '{}'.length) {
    out.add(text.meta)
    out.addPart(body, meta, end - 1)
  }
  out.add(text.end)
}
