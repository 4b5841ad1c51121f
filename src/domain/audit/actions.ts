import { type OperationName, operationNames, operationOf } from '../auth/operations.ts'

/** What is logged besides the operations of the permission table, which are logged under their own names. */
const furtherActions = {
  'dataset.add': 'Add a dataset',
  'file.add': 'Add a file to a dataset',
  'dataset.unshare': 'Take a share of a dataset back',
  'user.enable': 'Let someone in again',
  'run.intermediates-removal': 'Remove the intermediates of a run',
  'vault.rotate': 'Rotate the master key',
  'vault.retire': 'Retire a master key',
  'vault.verify': 'Verify every object of the vault',
  'audit.prune': 'Delete old details of audit entries',
  'request.other-site': 'Change something from another site',
} as const satisfies Readonly<Record<string, string>>

/** Everything an audit entry can be about; an action that is in no table does not compile. */
export type Action = OperationName | keyof typeof furtherActions

/** In the order of their words. */
export const actions: readonly Action[] = [
  ...operationNames,
  ...Object.keys(furtherActions).filter(
    (name): name is keyof typeof furtherActions => name in furtherActions,
  ),
].sort((a, b) => actionWords(a).localeCompare(actionWords(b), 'en'))

/** An action in words; one that this version does not know stays what it is. */
export function actionWords(action: string): string {
  const further: Readonly<Record<string, string>> = furtherActions
  const operation = operationNames.find((name) => name === action)
  return further[action] ?? (operation === undefined ? action : operationOf(operation).title)
}

/** Kinds of objects that entries are about. */
export const objectTypes = ['user', 'session', 'dataset', 'file', 'run', 'export', 'system'] as const
export type ObjectType = (typeof objectTypes)[number]

export const outcomes = ['allowed', 'denied', 'failed'] as const
export type Outcome = (typeof outcomes)[number]

/** Actions by which text of records leaves the vault. */
export const recordReadings = ['record.read', 'dataset.read'] as const satisfies readonly Action[]
