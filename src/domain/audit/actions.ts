import { type OperationName, operationNames, operationOf } from '../auth/operations.ts'

/** What is logged besides the operations of the permission table, which are logged under their own names. */
const furtherActions = {
  'dataset.add': 'Add a dataset',
  'file.add': 'Add a file to a dataset',
  'dataset.unshare': 'Take a share of a dataset back',
  'user.enable': 'Let someone in again',
  'user.mail-link': 'Mail someone their one-time link',
  'run.intermediates-removal': 'Remove the intermediates of a run',
  'vault.verify': 'Verify every object of the vault',
  'dataset.hold-removal': 'Take a hold of a dataset back',
  'dataset.deletion-completed': 'Complete the deletion of a dataset',
  'subject.search': 'Look for the records of a subject',
  'subject.discard': 'Discard a search for a subject',
  'subject.deletion-completed': 'Complete the deletion of a subject',
  'rate-limit.refuse': 'Ask for more than a limit allows',
  'rate-limit.remove': 'Take a limit back',
  'audit.prune': 'Delete old details of audit entries',
  'request.other-site': 'Change something from another site',
} as const satisfies Readonly<Record<string, string>>

/** Operations whose title is more than a row of the log has room for. */
const shortWords: Readonly<Partial<Record<OperationName, string>>> = {
  'account.read': 'See one’s own account',
  'audit.read': 'Read the audit log',
  'dataset.read': 'Read a record of a dataset',
  'dataset.hold': 'Hold a dataset back from deletion',
  'dataset.share': 'Share a dataset',
  'user.disable': 'Disable someone',
  'second-factor.remove': 'Turn off the second factor',
  'permission.read': 'See the permissions',
  'record.read': 'Read a quarantined record',
  'record.repair': 'Repair a quarantined record',
  'export.make': 'Write the exports of a run',
  'export.read-raw': 'Download an unredacted export',
  'run.start': 'Start a run',
  'run.read': 'See a run',
  'run.pin-removal': 'Unpin a run',
  'run.pin': 'Pin a run',
  'metrics.read': 'Read the metrics',
  'flow.read': 'See a flow',
  'flow.check': 'Run a check now',
  'flow.try': 'Try a flow file',
  'diagram.read': 'Read a diagram',
  'vault.manage': 'Manage the master keys',
  'audit.verify': 'Verify the audit log',
  'set-up': 'Become the first administrator',
}

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
  if (operation === undefined) return further[action] ?? action
  return shortWords[operation] ?? operationOf(operation).title
}

/** Kinds of objects that entries are about. */
export const objectTypes = [
  'user',
  'session',
  'key',
  'token',
  'dataset',
  'file',
  'run',
  'export',
  'flow',
  'board-link',
  'system',
] as const
export type ObjectType = (typeof objectTypes)[number]

export const outcomes = ['allowed', 'denied', 'failed'] as const
export type Outcome = (typeof outcomes)[number]

/** Actions by which text of records leaves the vault. */
export const recordReadings = ['record.read', 'dataset.read'] as const satisfies readonly Action[]
