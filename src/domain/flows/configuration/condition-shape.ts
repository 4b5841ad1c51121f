import { type Condition, type Placeholder, parseCondition } from '../conditions/condition.ts'
import { quoted } from './located.ts'
import type { Shape } from './shape.ts'

/** A condition in the syntax of Gatus, over what this kind of check measures. */
export const condition = (placeholders: readonly Placeholder[]): Shape<Condition> => ({
  words: 'condition',
  schema: { type: 'string' },
  read(node, { mistakes }) {
    if (node.kind !== 'scalar' || typeof node.value !== 'string') {
      mistakes.error(node, `A condition is needed here, such as "[STATUS] == 200", not ${quoted(node)}.`)
      return undefined
    }
    const parsed = parseCondition(node.value, placeholders)
    if (parsed.ok) return parsed.condition
    // What variables brought is not repeated: the message of the parser quotes the text.
    const message =
      node.written === undefined ? parsed.message : 'With its variables filled in this is no condition.'
    mistakes.error(node, `Bad condition: ${message}`, parsed.suggestion)
    return undefined
  },
})
