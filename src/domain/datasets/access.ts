import { mayPerform, reachOf } from '../auth/operations.ts'
import type { Role } from '../auth/user.ts'

/** Who looks; what they see of others is decided by the table of operations. */
export interface Viewer {
  readonly id: string
  readonly role: Role
}

/** Whether the viewer sees what others own too, shared or not. */
export const seesEverything = (viewer: Viewer): boolean => reachOf(viewer.role, 'dataset.read') === 'any'

/** Whether the viewer changes or runs anything at all. */
export const canWrite = (viewer: Viewer): boolean => mayPerform(viewer.role, 'run.start')
