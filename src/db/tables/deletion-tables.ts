import type { Generated } from 'kysely'
import type { PeriodicOutcome } from '../../domain/system/periodic-work.ts'

/** What is deleted, kept, and comes round by itself. */
export interface DeletionTables {
  /** Never deleted: what stays of what was deleted. */
  deletions: {
    id: string
    kind: 'dataset' | 'subject'
    reason: 'request' | 'retention'
    status: 'searching' | 'found' | 'working' | 'done' | 'discarded'
    actorId: string
    actorKind: 'user' | 'operator' | 'system'
    requestId: string
    requestedAt: Date
    finishedAt: Generated<Date | null>
    /** HMAC of the subject under a key of the vault's own. */
    subjectHmac: Generated<string | null>
    /** Why it does not go on at present. */
    problem: Generated<string | null>
  }
  deletionDatasets: {
    deletionId: string
    datasetId: string
    ownerId: string
    nameHash: string
    files: number
    bytes: number
    runs: Generated<number>
    /** Of the subject; and those nobody could look into. */
    records: Generated<number>
    unreadable: Generated<number>
    /** Parquet files that were copied as JSON Lines. */
    filesAsJsonLines: Generated<number>
    /** Why records cannot be removed from it. */
    problem: Generated<string | null>
    doneAt: Generated<Date | null>
  }
  deletionKeys: {
    deletionId: string
    keyOwner: string
    datasetId: string
    kind: 'dataset' | 'run'
    /** Those that are destroyed, and the objects under them; null until noted, which is before the first goes. */
    versions: Generated<number[] | null>
    objects: Generated<number | null>
    /** Under which what stays is sealed. */
    newVersion: Generated<number | null>
    destroyedAt: Generated<Date | null>
  }
  /** What went with a dataset, by id: files, runs over it, their exports. */
  deletedObjects: {
    datasetId: string
    objectId: string
  }
  /** Of a source without someone's records: the places that are empty now. */
  removedRecords: { datasetId: string; ordinal: number; fileId: string; deletionId: string }
  /** One row each, of the last time. */
  periodicWork: {
    name: string
    lastStartedAt: Date
    lastEndedAt: Date | null
    outcome: PeriodicOutcome | null
  }
  /** At most one row. */
  retentionSettings: {
    onlyOne: Generated<boolean>
    defaultKind: 'forever' | 'after-upload' | 'after-last-run'
    defaultDays: number | null
    maximumDays: number | null
    changedAt: Date
  }
}
