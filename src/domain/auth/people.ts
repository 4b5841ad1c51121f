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

/** Someone as the list of people shows them. */
export interface Person {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly role: Role
  readonly status: 'active' | 'invited' | 'disabled'
  readonly hasSecondFactor: boolean
  readonly sessions: number
  readonly lastSeenAt: Date | null
}
