import { z } from 'zod'
import { Mapping } from '../datasets/mapping.ts'
import { proposeChanges, proposeRepair } from './propose-repair.ts'
import { faultOf } from './record-text.ts'
import { problemOfRepair } from './repairs.ts'

/** So many pieces of a proposal help to judge it. */
const shownPieces = 400

/** The text of a record, and what is wanted of it: what its page shows, its repair, or whether it may be kept as one. */
export const RecordToExamine = z.strictObject({
  text: z.string(),
  reason: z.string(),
  mapping: Mapping,
  wants: z.enum(['fault', 'fault and proposal', 'repair', 'problem']),
})
export type RecordToExamine = z.infer<typeof RecordToExamine>

export const Examination = z.strictObject({
  /** Which part of the text is at fault, [from, to). */
  fault: z.tuple([z.number().int(), z.number().int()]).optional(),
  /** What a repair would take out and put in, and how many pieces more than these. */
  proposal: z
    .strictObject({
      pieces: z
        .array(z.strictObject({ kind: z.enum(['kept', 'cut', 'added']), text: z.string() }))
        .readonly(),
      more: z.number().int(),
    })
    .optional(),
  /** The repaired text; absent where there is no repair without a guess. */
  repaired: z.string().optional(),
  /** Why it cannot be kept as a repair. */
  problem: z.string().optional(),
})
export type Examination = z.infer<typeof Examination>

/** Examines a text, a long one away from everybody else; where it took too much, nothing was found. */
export type ExamineRecord = (asked: RecordToExamine) => Promise<Examination>

/** Examines where it is called: a mebibyte may take a second. */
export function examineRecord({ text, reason, mapping, wants }: RecordToExamine): Examination {
  if (wants === 'repair') {
    const repaired = proposeRepair(text, reason)
    return repaired === undefined ? {} : { repaired }
  }
  if (wants === 'problem') {
    const problem = problemOfRepair(text)
    return problem === undefined ? {} : { problem }
  }
  const [from, to] = faultOf(text, reason, mapping)
  const pieces = wants === 'fault' ? undefined : proposeChanges(text, reason)
  return {
    fault: [from, to],
    ...(pieces === undefined
      ? {}
      : {
          proposal: { pieces: pieces.slice(0, shownPieces), more: Math.max(0, pieces.length - shownPieces) },
        }),
  }
}
