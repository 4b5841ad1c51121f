import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
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
