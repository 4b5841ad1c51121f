import { z } from 'zod'
import { personName } from '../../auth/person-name.ts'

const daysAtMost = 3_650

/** What an administrator asks for who makes a board link; from a form, where nothing is an empty text. */
export const BoardLinkRequest = z.object({
  name: personName('Give the link a name: where the board hangs.'),
  /** Empty: the boards of all flows. */
  flow: z
    .string()
    .max(200, 'Choose a flow of the list.')
    .optional()
    .transform((id) => (id === undefined || id === '' ? undefined : id)),
  /** Empty: until it is revoked. */
  days: z
    .string()
    .trim()
    .regex(/^(\d{1,4})?$/, 'Give the days as a whole number, or leave the field empty.')
    .optional()
    .transform((text) => (text === undefined || text === '' ? undefined : Number(text)))
    .refine(
      (days) => days === undefined || (days >= 1 && days <= daysAtMost),
      `A link may last from 1 to ${daysAtMost} days.`,
    ),
})
export type BoardLinkRequest = z.infer<typeof BoardLinkRequest>

/** What a standing link opens. */
export interface BoardLink {
  readonly id: string
  readonly flowId: string | undefined
  readonly expiresAt: Date | undefined
}

/** Whether a link opens the board of a flow. */
export const opensBoard = ({ flowId }: BoardLink, flow: string): boolean =>
  flowId === undefined || flowId === flow
