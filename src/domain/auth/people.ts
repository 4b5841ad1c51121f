import { z } from 'zod'
import { personName } from './person-name.ts'
import { type Role, roles } from './user.ts'

/** What an administrator says of someone new. */
export const Invitation = z.object({
  name: personName('Say the name.'),
  email: z
    .string()
    .trim()
    .max(254, 'An e-mail address has at most 254 characters.')
    .pipe(z.email('This does not look like an e-mail address.')),
  role: z.enum(roles, 'Choose a role.'),
})
export type Invitation = z.infer<typeof Invitation>

export const personStates = ['active', 'invited', 'disabled'] as const
type PersonState = (typeof personStates)[number]

/** Which people a list shows, and where in the order of their names it goes on. */
export interface PeopleFilter {
  /** A part of name or e-mail address, or an id. */
  readonly q?: string | undefined
  readonly role?: Role | undefined
  readonly state?: PersonState | undefined
  /** The id of whoever stands right before the page, or right behind it. */
  readonly after?: string | undefined
  readonly before?: string | undefined
}

export interface PeoplePage {
  readonly people: readonly Person[]
  /** On all pages. */
  readonly total: number
  /** Cursors of the pages beside this one; undefined where there is none. */
  readonly before: string | undefined
  readonly after: string | undefined
}

/** Someone as the list of people shows them. */
export interface Person {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly role: Role
  readonly status: PersonState
  readonly hasSecondFactor: boolean
  readonly sessions: number
  readonly lastSeenAt: Date | null
}
