import { createHash } from 'node:crypto'

/** Where a deletion stands. A search for a subject ends with `found`, and goes on when someone confirms it. */
export type DeletionStatus = 'searching' | 'found' | 'working' | 'done' | 'discarded'

/** One key that goes with a deletion. */
export interface DestroyedKey {
  /** Whose key: the dataset's, or that of a run over several datasets. */
  readonly owner: string
  readonly kind: 'dataset' | 'run'
  /** Null until they were noted, which is before the first is destroyed. */
  readonly versions: readonly number[] | null
  /** Objects that were sealed under them. */
  readonly objects: number | null
  /** After a removal of someone's records: the version that seals what stays. */
  readonly newVersion: number | null
  readonly destroyedAt: Date | null
}

export interface DeletedFrom {
  readonly datasetId: string
  /** Its name as long as it is there. */
  readonly name: string | null
  readonly nameHash: string
  readonly files: number
  readonly bytes: number
  readonly runs: number
  readonly records: number
  readonly unreadable: number
  /** Parquet files that were copied as JSON Lines. */
  readonly filesAsJsonLines: number
  readonly problem: string | null
  readonly doneAt: Date | null
}

/** How many datasets a search for a subject looks into. */
export interface SearchScope {
  readonly searched: number
  readonly unsearched: number
}

/** A deletion, under way or done; done, it is the certificate. */
export interface Deletion {
  readonly id: string
  readonly kind: 'dataset' | 'subject'
  readonly reason: 'request' | 'retention'
  readonly status: DeletionStatus
  readonly requestedBy: { readonly id: string; readonly name: string }
  /** Leads to the entries of the audit log. */
  readonly requestId: string
  readonly requestedAt: Date
  readonly finishedAt: Date | null
  readonly problem: string | null
  readonly datasets: readonly DeletedFrom[]
  readonly keys: readonly DestroyedKey[]
}

/** Records of a subject that were found and can be removed. */
export const removableRecords = ({ datasets }: Pick<Deletion, 'datasets'>): number =>
  datasets.reduce((sum, { problem, records }) => sum + (problem === null ? records : 0), 0)

/** Whether a search came to its end without anything that somebody could confirm. */
export const isInVain = (deletion: Deletion): boolean =>
  deletion.status === 'found' && removableRecords(deletion) === 0

/**
 * What stays of a dataset's name, SHA-256 in hex over "<id> <name>". People write other people's names into such
 * names, so the name itself goes with the rest; whoever knows it can still show that the certificate is about it.
 */
export const nameHash = (datasetId: string, name: string): string =>
  createHash('sha256').update(`${datasetId} ${name}`).digest('hex')

/** The certificate as JSON: names of fields are part of what we promise, so they are spelled out here. */
export function certificateOf(deletion: Deletion) {
  const { id, kind, reason, status, requestedBy, requestId, requestedAt, finishedAt } = deletion
  return {
    certificate: 'signalbox deletion v1',
    id,
    kind,
    reason,
    status,
    requestedBy: requestedBy.id,
    requestId,
    requestedAt: requestedAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
    datasets: deletion.datasets.map((dataset) => ({
      datasetId: dataset.datasetId,
      nameSha256: dataset.nameHash,
      files: dataset.files,
      bytes: dataset.bytes,
      runs: dataset.runs,
      ...(kind === 'subject'
        ? {
            // What a search found is no removal: a dataset it could not treat keeps its records.
            recordsRemoved: dataset.doneAt === null ? 0 : dataset.records,
            recordsUnreadable: dataset.unreadable,
            filesCopiedAsJsonLines: dataset.filesAsJsonLines,
            problem: dataset.problem,
          }
        : {}),
    })),
    keys: deletion.keys.map((key) => ({
      owner: key.owner,
      versionsDestroyed: key.versions ?? [],
      objectsRemoved: key.objects ?? 0,
      destroyedAt: key.destroyedAt?.toISOString() ?? null,
    })),
    objectsRemoved: objectsOf(deletion),
  }
}

/** Objects removed with all keys together. */
export const objectsOf = ({ keys }: Pick<Deletion, 'keys'>): number =>
  keys.reduce((sum, key) => sum + (key.destroyedAt === null ? 0 : (key.objects ?? 0)), 0)
