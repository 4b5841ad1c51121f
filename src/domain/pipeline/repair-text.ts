import type { Conversation } from '../conversations/conversation.ts'

/** Whether processing leaves a text as it is. */
export const isEven = (text: string): boolean => repaired(text) === text

/** Repairs what no reader can see: the words stay, their encoding becomes one and the same. */
export const repairText = (conversation: Conversation): Conversation => ({
  ...conversation,
  messages: conversation.messages.map((message) => ({ ...message, content: repaired(message.content) })),
})

const repaired = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replace(/[\u200b\u2060\ufeff]/g, '')
    .replace(strayJoiner, '')
    .replaceAll('\u00a0', ' ')
    // Behind a boundary, so that long runs of spaces inside a line are looked at once.
    .replace(/(?<![ \t])[ \t]+$/gm, '')
    .normalize('NFC')

/** Joiners hold emoji sequences together and shape Persian and Indic words; elsewhere they are debris. */
const strayJoiner =
  /(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\p{M}[\p{L}--[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]]])[\u200c\u200d]+/gv
