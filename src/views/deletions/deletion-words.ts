import type { Deletion, DeletionStatus } from '../../domain/deletion/deletion.ts'
import { plural } from '../components/format.ts'

export const deletionState = {
  searching: 'running',
  found: 'queued',
  working: 'running',
  done: 'completed',
  discarded: 'cancelled',
} as const satisfies Record<DeletionStatus, string>

export const deletionWord = {
  searching: 'Searching',
  found: 'To confirm',
  working: 'Deleting',
  done: 'Deleted',
  discarded: 'Discarded',
} as const satisfies Record<DeletionStatus, string>

/** What a deletion is about, in a few words. */
export const subjectOf = ({ kind, datasets }: Pick<Deletion, 'kind' | 'datasets'>): string =>
  kind === 'subject'
    ? `Records of one subject in ${plural(datasets.length, 'dataset')}`
    : (datasets[0]?.name ?? datasets[0]?.datasetId ?? 'A dataset')
