import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { seesEverything, type Viewer } from '../domain/datasets/access.ts'

/** True for the rows that the viewer may see. */
export const visibleTo = (viewer: Viewer, owner: 'datasets.ownerId' | 'runs.ownerId'): RawBuilder<SqlBool> =>
  seesEverything(viewer) ? sql`true` : sql`${sql.ref(owner)} = ${viewer.id}`
