import type { Conversation, Message } from '../../conversations/conversation.ts'
import { isEven } from '../../pipeline/repair-text.ts'
import type { Check, Finding, Rule } from '../check.ts'

const rule = (
  name: string,
  severity: Rule['severity'],
  effect: number,
  title: string,
  explanation: string,
): Rule => ({ id: `structure/${name}`, version: 1, severity, effect, title, explanation })

const rules = {
  noUser: rule(
    'no-user',
    'critical',
    400,
    'No user message',
    'Nothing is asked, so there is nothing to learn an answer to. Check the role mapping of the source.',
  ),
  noAssistant: rule(
    'no-assistant',
    'critical',
    400,
    'No assistant message',
    'There is no answer to learn from. Check the role mapping of the source.',
  ),
  notAlternating: rule(
    'not-alternating',
    'minor',
    100,
    'Same speaker twice in a row',
    'Many chat templates refuse this. Often a message was lost, or one was split in two.',
  ),
  empty: rule(
    'empty-message',
    'major',
    150,
    'Empty message',
    'A message without text or tool calls teaches silence. Often the source kept its text elsewhere.',
  ),
  long: rule(
    'long-message',
    'minor',
    50,
    'Very long message',
    'More than 32,000 characters: most training setups cut it off. Consider splitting it.',
  ),
  assistantFirst: rule(
    'starts-with-assistant',
    'info',
    0,
    'Starts with the assistant',
    'A greeting is fine; some chat templates want the user to speak first.',
  ),
  userLast: rule(
    'ends-with-user',
    'minor',
    100,
    'Ends with the user',
    'The last question has no answer. Often the conversation was cut off.',
  ),
  replacement: rule(
    'replacement-character',
    'minor',
    50,
    'Replacement characters',
    'Characters were lost when the text was decoded. Export the source again as UTF-8.',
  ),
  mojibake: rule(
    'mojibake',
    'minor',
    50,
    'Garbled characters',
    'UTF-8 text was read in another encoding. Export the source again as UTF-8.',
  ),
  control: rule(
    'control-character',
    'minor',
    50,
    'Control characters',
    'Invisible control characters, often from a terminal or a broken export. Clean the source.',
  ),
  evened: rule(
    'text-evened-out',
    'info',
    0,
    'White space or Unicode evened out',
    'Line ends, spaces before them, no-break spaces, invisible characters or letters in parts: processing writes them in one way, so what is exported differs from the source there. Run without checks to export every character as it is.',
  ),
}

const longest = 32_000

/** Text damage; the first place in a message stands for all of its kind. */
const damage: readonly (readonly [Rule, RegExp])[] = [
  [rules.replacement, /\ufffd/],
  // UTF-8 bytes read as Windows-1252, without the quotes and dots that may follow a real Ã or Â.
  [
    rules.mojibake,
    /Ã[\u0080-\u009f\u00a1-\u00aa\u00ac-\u00ba\u00bc-\u00bf€‚ƒ†‡ˆ‰Š‹ŒŽœžŸ]|Â[\u00a1-\u00aa\u00ac-\u00ba\u00bc-\u00bf]|â€[\u0080-\u009f\u00a2\u00a6™œ“”˜¢¦]|ï¿½|ðŸ/,
  ],
  [rules.control, /[^\P{Cc}\t\n\r\u0085]/u],
]

export const structure: Check = {
  name: 'structure',
  title: 'Structure',
  version: 2,
  rules: Object.values(rules),
  cap: 700,
  inspect: (conversation) => [...ofConversation(conversation), ...conversation.messages.flatMap(ofMessage)],
}

function ofConversation({ messages }: Conversation): Finding[] {
  const found: Finding[] = []
  if (!messages.some(({ role }) => role === 'user')) found.push(finding(rules.noUser, null))
  if (!messages.some(({ role }) => role === 'assistant')) found.push(finding(rules.noAssistant, null))
  const first = messages.findIndex(isSpoken)
  if (messages[first]?.role === 'assistant') found.push(finding(rules.assistantFirst, first))
  const last = messages.findLastIndex(({ role }) => role !== 'system' && role !== 'developer')
  if (messages[last]?.role === 'user') found.push(finding(rules.userLast, last))
  const repeated = firstRepeated(messages)
  if (repeated >= 0) found.push(finding(rules.notAlternating, repeated))
  // The first place stands for all of a conversation: so they are counted by conversations that are changed.
  const uneven = messages.findIndex(({ content }) => !isEven(content))
  if (uneven >= 0) found.push(finding(rules.evened, uneven))
  return found
}

/** A tool round is one turn: the assistant may go on after its own call or a tool's answer. */
function firstRepeated(messages: readonly Message[]): number {
  let before: Message | undefined
  for (const [index, message] of messages.entries()) {
    if (message.role === 'tool') before = message
    if (!isSpoken(message)) continue
    if (before?.role === message.role && !before.toolCalls?.length) return index
    before = message
  }
  return -1
}

function ofMessage({ role, content, toolCalls }: Message, index: number): Finding[] {
  const found: Finding[] = []
  // A tool may well answer with nothing.
  if (content.trim() === '' && !toolCalls?.length && role !== 'tool') found.push(finding(rules.empty, index))
  if (content.length > longest) found.push(finding(rules.long, index))
  for (const [broken, pattern] of damage) {
    const match = pattern.exec(content)
    if (match) found.push(finding(broken, index, [match.index, match.index + match[0].length]))
  }
  return found
}

const isSpoken = ({ role }: Message): boolean => role === 'user' || role === 'assistant'

const finding = (
  { id, version, severity, effect }: Rule,
  message: number | null,
  span: Finding['span'] = null,
): Finding => ({ rule: id, version, severity, message, span, effect })
