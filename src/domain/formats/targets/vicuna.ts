import { cannotCarry, exchangesOf, rendered, type TargetTemplate } from './template.ts'

const defaultSystem =
  'A chat between a curious user and an artificial intelligence assistant. ' +
  "The assistant gives helpful, detailed, and polite answers to the user's questions."

/** What separates turns; a text holding it would be read back as other turns. */
const separators = [' USER: ', ' ASSISTANT: ', '</s>']

/** The prompt as FastChat's code joins it (v1.1): a space after the system text, none after `</s>`. */
export const vicuna: TargetTemplate = {
  title: 'Vicuna v1.1',
  loses: 'Metadata and names of speakers. Carries only user/assistant pairs without tools.',
  columns: ['text'],
  render(conversation) {
    const exchanges = exchangesOf(conversation)
    if (exchanges === undefined) return cannotCarry
    const { system = defaultSystem, pairs } = exchanges
    if ([system, ...pairs.flat()].some(holdsSeparator)) return cannotCarry
    const turns = pairs.map(([user, assistant]) => `USER: ${user} ASSISTANT: ${assistant}</s>`)
    return rendered({ text: `${system} ${turns.join('')}` })
  },
}

// With a space on either side, as the text will stand: a content that starts with `USER: ` counts too.
const holdsSeparator = (text: string): boolean => separators.some((each) => ` ${text} `.includes(each))
