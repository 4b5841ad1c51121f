import type { AccessTables } from './tables/access-tables.ts'
import type { AuditTables } from './tables/audit-tables.ts'
import type { DeletionTables } from './tables/deletion-tables.ts'
import type { FlowTables } from './tables/flow-tables.ts'
import type { PipelineTables } from './tables/pipeline-tables.ts'

/** The tables as Kysely sees them: names in camel case, one interface for each part of the portal. */
export interface Database extends AccessTables, PipelineTables, DeletionTables, FlowTables, AuditTables {}
