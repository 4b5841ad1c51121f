import type { Message, Role } from './conversation.ts'

type Refusal = 'ambiguous-delimiter' | 'not-a-conversation' | 'unknown-role' | 'no-messages'

/** A map, as a text may name a role `constructor`. */
const chatmlRoles: ReadonlyMap<string, Role> = new Map([
  ['system', 'system'],
  ['developer', 'developer'],
  ['user', 'user'],
  ['assistant', 'assistant'],
  ['tool', 'tool'],
  ['function', 'tool'],
])

/**
 * Reads ChatML text: `<|im_start|>role\ncontent<|im_end|>`. A turn ends at `<|im_end|>` before a newline and
 * `<|im_start|>`, or at the end; a delimiter inside a content is ambiguous and never silently parsed. Lines may end in
 * CRLF.
 */
export function readChatml(text: string): Message[] | Refusal {
  if (!text.trimStart().startsWith('<|im_start|>')) return 'not-a-conversation'
  const messages: Message[] = []
  for (const turn of text.trim().split(/<\|im_end\|>\s*(?=<\|im_start\|>|$)/)) {
    if (turn === '') continue
    const opened = /^<\|im_start\|>([a-z]+)[ \t]*\r?\n?/.exec(turn)
    if (!opened) return 'ambiguous-delimiter'
    const content = turn.slice(opened[0].length)
    if (/<\|im_(?:start|end)\|>/.test(content)) return 'ambiguous-delimiter'
    const role = chatmlRoles.get(opened[1] ?? '')
    if (role === undefined) return 'unknown-role'
    messages.push({ role, content: content.replace(/\r?\n$/, '') })
  }
  // The generation prompt at the end is not a message.
  if (messages.at(-1)?.role === 'assistant' && messages.at(-1)?.content === '') messages.pop()
  return messages.some((message) => message.role !== 'system') ? messages : 'no-messages'
}

const vicunaSystem =
  "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions."

/**
 * Reads Vicuna v1.1 text in its three spellings (FastChat's code, FastChat's documentation with newlines,
 * LLaMA-Factory without a space). The default system text is not a message; another one is.
 */
export function readVicuna(text: string): Message[] | Refusal {
  const marker = /(^|\s|<\/s>)(USER|ASSISTANT):/g
  const found = [...text.matchAll(marker)]
  const first = found[0]
  if (!first) return 'not-a-conversation'
  const messages: Message[] = []
  const system = text.slice(0, first.index).trim()
  if (system !== '' && system !== vicunaSystem) messages.push({ role: 'system', content: system })
  for (const [position, match] of found.entries()) {
    const role: Role = match[2] === 'USER' ? 'user' : 'assistant'
    const start = (match.index ?? 0) + match[0].length
    const raw = text.slice(start, found[position + 1]?.index ?? text.length)
    const content = raw
      .trim()
      .replace(/<\/s>$/, '')
      .trim()
    if (content.includes('</s>')) return 'ambiguous-delimiter'
    // Two turns of one speaker: the marker stood inside somebody's words.
    if (messages.at(-1)?.role === role) return 'ambiguous-delimiter'
    if (content === '' && position === found.length - 1) break
    messages.push({ role, content })
  }
  return messages.some((message) => message.role === 'user') ? messages : 'no-messages'
}
