import type { Generated } from 'kysely'

/** The audit log. */
export interface AuditTables {
  /** Up to which entry somebody has looked through the audit log. */
  auditReviews: { id: Generated<number>; throughSeq: number; reviewedBy: string; reviewedAt: Date }
  'audit.outbox': {
    id: Generated<number>
    at: Generated<Date>
    actorId: string
    actorKind: 'user' | 'operator' | 'system'
    action: string
    objectType: string
    objectId: string
    outcome: 'allowed' | 'denied' | 'failed'
    requestId: string
    salt: Buffer
    details: string
  }
  /** Written by `audit.append` alone; read by everybody. */
  'audit.log': {
    seq: number
    at: Date
    actorId: string
    actorKind: string
    action: string
    objectType: string
    objectId: string
    outcome: string
    requestId: string
    commitment: Buffer
    leaf: Buffer
    chain: Buffer
    /** Null once pruned. */
    salt: Buffer | null
    details: string | null
  }
  'audit.node': { level: number; index: number; hash: Buffer }
  /** One row. */
  'audit.state': {
    size: number
    chain: Buffer
    frontier: (Buffer | null)[]
    epoch: number
    prunedThrough: number
    checkpoint: string | null
    checkpointSize: number | null
    checkpointAt: Date | null
  }
  'audit.verification': {
    id: Generated<number>
    at: Generated<Date>
    outcome: 'whole' | 'tampered' | 'incomplete'
    rows: number
    seconds: number
    finding: string | null
    seq: number | null
  }
}
