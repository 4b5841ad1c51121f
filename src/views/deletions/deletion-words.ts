import {
  type DeletedFrom,
  type Deletion,
  type DeletionStatus,
  isInVain,
} from '../../domain/deletion/deletion.ts'
import { plural } from '../components/format.ts'

const states = {
  searching: 'running',
  found: 'queued',
  working: 'running',
  done: 'completed',
  discarded: 'cancelled',
} as const satisfies Record<DeletionStatus, string>

const words = {
  searching: 'Searching',
  found: 'To confirm',
  working: 'Deleting',
  done: 'Deleted',
  discarded: 'Discarded',
} as const satisfies Record<DeletionStatus, string>

export const deletionState = (deletion: Deletion) =>
  isInVain(deletion) ? 'completed' : states[deletion.status]

export const deletionWord = (deletion: Deletion): string =>
  isInVain(deletion) ? 'Nothing found' : words[deletion.status]

/** What a deletion is about, in a few words. */
export const subjectOf = (deletion: Deletion): string => {
  const { kind, datasets } = deletion
  if (isInVain(deletion)) return 'Search for the records of one subject'
  return kind === 'subject'
    ? `Records of one subject in ${plural(datasets.filter((one) => isTreated(deletion, one)).length, 'dataset')}`
    : (datasets[0]?.name ?? datasets[0]?.datasetId ?? 'A dataset')
}

/** Whether a deletion is about a dataset: when it is done, no longer about one that it could not treat. */
export const isTreated = ({ status }: Deletion, { doneAt }: DeletedFrom): boolean =>
  status !== 'done' || doneAt !== null
