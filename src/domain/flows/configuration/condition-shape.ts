import { type Condition, isConstant, type Placeholder, parseCondition } from '../conditions/condition.ts'
import { quoted } from './located.ts'
import type { Shape } from './shape.ts'

const constant =
  'Neither side is measured, so the answer is always the same. A placeholder such as [STATUS] is.'

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
    if (parsed.ok) {
      if (isConstant(parsed.condition)) mistakes.warning(node, constant)
      return asWritten(parsed.condition, node.written)
    }
    // What variables brought is not repeated: the message of the parser quotes the text.
    const message =
      node.written === undefined ? parsed.message : 'With its variables filled in this is no condition.'
    mistakes.error(node, `Bad condition: ${message}`, parsed.suggestion)
    return undefined
  },
})

/** What is shown of a condition is what stands in the file: variables may have brought a secret. */
function asWritten(filled: Condition, written: string | undefined): Condition {
  if (written === undefined) return filled
  const sides = written.split(` ${filled.operator} `).map((side) => side.trim())
  // A variable that brings more than one side leaves nothing to tell them apart by.
  const [left = '…', right = '…'] = sides.length === 2 ? sides : []
  return {
    ...filled,
    text: written,
    left: { ...filled.left, written: left },
    right: { ...filled.right, written: right },
  }
}
