/** A refusal a user can cause: a sentence that says what happened and what to do, never internals. */
export interface Problem {
  readonly kind:
    | 'invalid'
    | 'not-found'
    | 'conflict'
    | 'forbidden'
    | 'unsupported'
    | 'too-large'
    | 'unavailable'
  readonly message: string
  /** The form field the refusal belongs to, where there is one. */
  readonly field?: string
}

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem }

export const ok = <T>(value: T): Result<T> => ({ ok: true, value })

export const refuse = (kind: Problem['kind'], message: string, field?: string): Result<never> => ({
  ok: false,
  problem: field === undefined ? { kind, message } : { kind, message, field },
})
