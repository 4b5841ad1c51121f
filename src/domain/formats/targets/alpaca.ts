import type { JsonObject } from '../../json.ts'
import { cannotCarry, exchangesOf, rendered, type TargetTemplate } from './template.ts'

export const alpaca: TargetTemplate = {
  title: 'Alpaca',
  loses: 'Metadata and names of speakers. Carries only user/assistant pairs without tools.',
  columns: ['instruction', 'input', 'output', 'history', 'system'],
  render(conversation) {
    const exchanges = exchangesOf(conversation)
    const last = exchanges?.pairs.at(-1)
    if (exchanges === undefined || last === undefined) return cannotCarry
    const [user, output] = last
    const value: JsonObject = { ...prompt(user, conversation.meta), output }
    const history = exchanges.pairs.slice(0, -1)
    if (history.length > 0) value.history = history.map((pair) => [...pair])
    if (exchanges.system !== undefined) value.system = exchanges.system
    return rendered(value)
  },
}

/** The original split of the prompt, as long as it still says what the message says. */
function prompt(user: string, { instruction, input }: JsonObject): JsonObject {
  const whole = { instruction: user, input: '' }
  if (typeof instruction !== 'string' || typeof input !== 'string') return whole
  return `${instruction}\n${input}` === user ? { instruction, input } : whole
}
