import type { Action, ObjectType, Outcome } from './actions.ts'

/** Who did it: a signed-in person, the operator at the machine's command line, or the portal itself. */
export interface Actor {
  readonly id: string
  readonly kind: 'user' | 'operator' | 'system'
}

/** Who asks and under which request id: every use case that changes something takes one. */
export interface Caller {
  readonly actor: Actor
  readonly requestId: string
  /** Client address and the like, for the deletable details of the audit entry. */
  readonly address?: string
  /** The API key it was done with, itself or by a token made with it. */
  readonly keyId?: string
}

/** What the business transaction hands to the audit outbox. Never record text, never secrets. */
export interface AuditEntry {
  readonly action: Action
  readonly objectType: ObjectType
  readonly objectId: string
  readonly outcome: Outcome
  readonly details: Readonly<Record<string, string | number | boolean | null>>
}
