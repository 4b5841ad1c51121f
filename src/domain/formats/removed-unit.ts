import type { ReadReason } from './source.ts'

/**
 * A unit that was removed from a source is written over, byte for byte, so that every other unit keeps its number, line
 * and offset. DEL, which punched-tape wrote over what was to be gone, stands for the unit that stands for the record; SUB
 * for the further rows of a conversation that was removed as a whole. Nothing else that can be read consists of them.
 */
const marks = { first: 0x7f, further: 0x1a } as const
export type RemovedMark = keyof typeof marks

const newline = 0x0a

/** As many bytes as there were, of them as many line ends as there were, at the end: there they are no units. */
export function writtenOver(unit: Uint8Array, mark: RemovedMark): Uint8Array {
  const lines = unit.reduce((count, byte) => count + (byte === newline ? 1 : 0), 0)
  return Buffer.concat([Buffer.alloc(unit.length - lines, marks[mark]), Buffer.alloc(lines, newline)])
}

/** A removed unit where nobody else's place depends on its length. */
export const removedLine = (mark: RemovedMark): string => `${String.fromCharCode(marks[mark])}\n`

/** Which mark a unit is written over with; undefined: it is not. */
export function removedMark(text: string): RemovedMark | undefined {
  const first = text.charCodeAt(0)
  if (first !== marks.first && first !== marks.further) return undefined
  const unit = text.trimEnd()
  if (unit !== text.charAt(0).repeat(unit.length)) return undefined
  return first === marks.first ? 'first' : 'further'
}

/** What is read of a unit with a mark. */
export const asRemoved = (mark: RemovedMark): { reason: ReadReason; goesOn?: true } =>
  mark === 'first' ? { reason: 'removed' } : { reason: 'removed', goesOn: true }
