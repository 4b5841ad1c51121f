import { z } from 'zod'
import { permissions } from '../auth/permissions.ts'
import { roles } from '../auth/user.ts'
import { ok, type Result, refuse } from '../result.ts'
import { type Limit, type LimitedRole, type LimitName, limitFor, limits } from './limits.ts'

/**
 * What an administrator set instead of a default: for a whole limit, or for one operation, which then counts by
 * itself. The most particular one holds: operation and role, operation, limit and role, limit.
 */
export interface Override {
  /** A limit of the table, or an operation. */
  readonly target: string
  readonly role: LimitedRole
  readonly amount: number
}

export const limitedRoles: readonly LimitedRole[] = ['everyone', 'nobody', ...roles]

/** Operations that can have a limit of their own, each once. */
export const limitableOperations: readonly string[] = [
  ...new Set(Object.values(permissions).map(({ operation }) => operation)),
].filter(
  // Nobody shuts themselves out of setting limits.
  (operation) => limitFor(operation, false, true) !== undefined && !operation.startsWith('rate-limit.'),
)

export const isLimitName = (target: string): target is LimitName => Object.hasOwn(limits, target)

const mostRequests = 1_000_000

const Asked = z.object({
  target: z
    .string('Choose a limit or an operation of the list.')
    .refine(
      (target) => isLimitName(target) || limitableOperations.includes(target),
      'Choose a limit or an operation of the list.',
    ),
  role: z.enum(['everyone', 'nobody', ...roles], 'Choose for whom.'),
  amount: z.coerce
    .number('Give a whole number of requests.')
    .int('Give a whole number of requests.')
    .min(1, 'Give at least 1.')
    .max(mostRequests, `Give at most ${mostRequests}.`),
})

/** Reads what a form asks for. */
export function readOverride(form: Readonly<Record<string, unknown>>): Result<Override> {
  const parsed = Asked.safeParse(form)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    return refuse('invalid', issue?.message ?? 'Fill in the form.', String(issue?.path[0] ?? 'target'))
  }
  const { target, amount } = parsed.data
  const least = isLimitName(target) ? limits[target].least : 1
  if (amount < least) {
    return refuse('invalid', `Give at least ${least}: with less nobody could work, or set it back.`, 'amount')
  }
  return ok(parsed.data)
}

/** The limit that a target is, or that its operation belongs to. */
export const limitOf = (target: string): Limit =>
  limits[isLimitName(target) ? target : (limitFor(target, false, true) ?? 'general')]
