import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { findStanding } from '../../db/users.ts'
import { rightOver } from '../../db/visibility.ts'
import { decide } from '../../domain/auth/operations.ts'
import { type FoundPermission, mayUse } from '../../domain/auth/permissions.ts'
import type { Viewer } from '../../domain/datasets/access.ts'

/** Whether someone, as they are now, may use a route, and the dataset or run that its path names. */
export async function mayStillUse(
  db: Kysely<Database>,
  permission: FoundPermission,
  { id, role }: Viewer,
): Promise<boolean> {
  if (!mayUse(permission, role)) return false
  const { object, operation } = permission
  if (object === undefined) return true
  return decide(role, operation, await rightOver(db, { id, role }, object)) === 'allowed'
}

/** The same of a person whatever they signed in with: not disabled, and with the role they have now. */
export async function mayPersonStillUse(
  db: Kysely<Database>,
  permission: FoundPermission,
  userId: string,
): Promise<boolean> {
  const person = await findStanding(db, userId)
  return person !== undefined && mayStillUse(db, permission, person)
}
