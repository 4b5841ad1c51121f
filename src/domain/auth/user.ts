/** From the least to the most. */
export const roles = ['viewer', 'user', 'moderator', 'admin'] as const
export type Role = (typeof roles)[number]

/** The person a session belongs to, as far as pages and use cases need to know. */
export interface SignedInUser {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly role: Role
}
