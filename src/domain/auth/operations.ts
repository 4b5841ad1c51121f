import type { Role } from './user.ts'

/** What a share gives over a dataset and the runs over it; each includes the one before. */
export const rights = ['read', 'run', 'manage'] as const
export type Right = (typeof rights)[number]

/** How far a role gets: nowhere, to what is its own, to that and what is shared with it, or to everything. */
export type Reach = 'none' | 'own' | 'shared' | 'any'

/** Whoever asks: nobody signed in, or someone with a role. */
export const askers = ['nobody', 'viewer', 'user', 'moderator', 'admin'] as const
export type Asker = (typeof askers)[number]

export interface Operation {
  /** What is done, for people. */
  readonly title: string
  readonly reach: Readonly<Record<Asker, Reach>>
  /** What a share has to give for it; owners have all rights. */
  readonly right?: Right
  /** Password or code are asked for again, unless that was done in the last five minutes. */
  readonly stepUp?: true
}

type Reaches = Operation['reach']
const everybody: Reaches = { nobody: 'any', viewer: 'any', user: 'any', moderator: 'any', admin: 'any' }
const people: Reaches = { nobody: 'none', viewer: 'any', user: 'any', moderator: 'any', admin: 'any' }
const self: Reaches = { nobody: 'none', viewer: 'own', user: 'own', moderator: 'own', admin: 'own' }
const ownOrAny: Reaches = { nobody: 'none', viewer: 'own', user: 'own', moderator: 'own', admin: 'any' }
const makers: Reaches = { nobody: 'none', viewer: 'none', user: 'any', moderator: 'any', admin: 'any' }
const readers: Reaches = { nobody: 'none', viewer: 'shared', user: 'shared', moderator: 'any', admin: 'any' }
const runners: Reaches = { nobody: 'none', viewer: 'none', user: 'shared', moderator: 'any', admin: 'any' }
const managers: Reaches = {
  nobody: 'none',
  viewer: 'none',
  user: 'shared',
  moderator: 'shared',
  admin: 'any',
}
const overseers: Reaches = { nobody: 'none', viewer: 'none', user: 'none', moderator: 'any', admin: 'any' }
const admins: Reaches = { nobody: 'none', viewer: 'none', user: 'none', moderator: 'none', admin: 'any' }

/** Who may do what. Routes, fragments, streams, jobs, commands and `docs/permissions.md` all follow this table. */
export const operations = {
  'health.read': { title: 'See whether the portal lives', reach: everybody },
  'metrics.read': {
    title: 'Read the metrics (with a session or METRICS_TOKEN)',
    reach: everybody,
  },
  'status.read': {
    title: 'Read the status of the flows (with a session or METRICS_TOKEN)',
    reach: everybody,
  },
  'heartbeat.ping': { title: 'Report a job as done, with the token of a heartbeat check', reach: everybody },
  'asset.read': { title: 'Load styles, script and fonts', reach: everybody },
  'session.create': { title: 'Sign in', reach: everybody },
  'session.end': { title: 'Sign out', reach: everybody },
  'set-up': { title: 'Become the first administrator, with the one-time link', reach: everybody },

  'account.read': { title: 'See one’s own account and sessions', reach: self },
  'session.revoke': { title: 'End sessions of one’s own', reach: self, stepUp: true },

  'account.password': { title: 'Change one’s own password, with the present one', reach: self },
  'account.preferences': { title: 'Turn one’s own keyboard shortcuts on or off', reach: self },
  'password.set': { title: 'Choose a password with a one-time link', reach: everybody },
  'session.step-up': { title: 'Give password or code again', reach: self },
  'second-factor.enrol': { title: 'Turn on the second factor of one’s own', reach: self, stepUp: true },
  'second-factor.remove': { title: 'Turn it off', reach: self, stepUp: true },
  'second-factor.renew-codes': { title: 'Get new recovery codes', reach: self, stepUp: true },

  'api-key.create': { title: 'Make an API key of one’s own', reach: self, stepUp: true },
  'api-key.revoke': { title: 'Revoke an API key of one’s own', reach: self },
  'token.create': { title: 'Get a token for an API key', reach: self },
  'token.revoke': { title: 'Revoke the token one signs in with', reach: self },

  'overview.read': { title: 'See the overview', reach: people },

  'dataset.read': { title: 'See a dataset and its first records', reach: readers, right: 'read' },
  'dataset.create': { title: 'Upload a dataset', reach: makers },
  'dataset.update': { title: 'Correct the mapping of a dataset', reach: managers, right: 'manage' },
  'dataset.delete': { title: 'Delete a dataset', reach: managers, right: 'manage', stepUp: true },

  'dataset.retention': { title: 'Say how long a dataset is kept', reach: managers, right: 'manage' },
  'dataset.hold': { title: 'Put a dataset under a legal hold, and lift it', reach: admins },
  'deletion.read': { title: 'See deletions and their certificates', reach: ownOrAny },
  'retention.update': { title: 'Set how long datasets are kept', reach: admins },

  'subject.delete': {
    title: 'Find the records about someone in all datasets, and remove them',
    reach: admins,
    stepUp: true,
  },

  'dataset.share': { title: 'Share a dataset, and take shares back', reach: managers, right: 'manage' },

  'run.read': { title: 'See a run, its progress and its history', reach: readers, right: 'read' },
  'run.start': { title: 'Start a run, also again', reach: runners, right: 'run' },
  'run.cancel': { title: 'Cancel a run', reach: runners, right: 'run' },
  'run.resume': { title: 'Resume a run', reach: runners, right: 'run' },
  'run.pin': { title: 'Keep the intermediates of a run', reach: runners, right: 'run' },
  'run.pin-removal': { title: 'Let them go when they are due', reach: runners, right: 'run' },
  'quarantine.read': { title: 'See the quarantine of a run', reach: readers, right: 'read' },
  'record.read': { title: 'Read a quarantined record', reach: readers, right: 'read' },
  'record.repair': { title: 'Repair quarantined records', reach: runners, right: 'run' },
  'record.repair-removal': { title: 'Take a repair back', reach: runners, right: 'run' },
  'export.make': {
    title: 'Write the exports of a run (its owner, asked again before)',
    reach: runners,
    right: 'run',
  },
  'export.read': { title: 'Download an export', reach: readers, right: 'read' },

  'export.read-raw': {
    title: 'Download an export of a run that redacted nothing',
    reach: readers,
    right: 'read',
    stepUp: true,
  },

  'flow.read': { title: 'See flows, what their checks found, and their configuration', reach: people },
  'flow.check': { title: 'Have a check of a flow run now', reach: makers },
  'diagram.read': {
    title: 'Read diagrams (signed in, or with METRICS_TOKEN)',
    reach: everybody,
  },
  'flow.demo': { title: 'Run the demonstration flow', reach: admins },
  'flow.try': { title: 'Check and draw a flow file without running it', reach: people },

  'board.read': { title: 'See the wall board of a flow (also with a board link)', reach: people },
  'board-link.open': { title: 'Open a board with a board link', reach: everybody },
  'board-link.read': { title: 'See all board links', reach: admins },
  'board-link.create': { title: 'Make a board link', reach: admins },
  'board-link.revoke': { title: 'Revoke a board link', reach: admins },

  'permission.read': { title: 'See this table', reach: people },
  'user.read': { title: 'See all users', reach: admins },
  'user.invite': { title: 'Invite someone', reach: admins },
  'user.role': { title: 'Change someone’s role', reach: admins },
  'user.disable': { title: 'Disable someone, and let them in again', reach: admins },
  'user.end-sessions': { title: 'End all sessions of someone', reach: admins },
  'user.reset': { title: 'Make a link for a new password', reach: admins },
  'rate-limit.read': { title: 'See the limits on requests', reach: admins },
  'rate-limit.set': { title: 'Set other limits on requests', reach: admins },
  'session.read-all': { title: 'See all sessions', reach: admins },
  'session.revoke-any': { title: 'End any session', reach: admins },
  'api-key.read-all': { title: 'See all API keys', reach: admins },
  'api-key.revoke-any': { title: 'Revoke any API key', reach: admins },

  'system.read': { title: 'See how the portal and what it stands on are', reach: admins },
  'vault.read-keys': { title: 'See the versions of the master key', reach: admins },
  'vault.rotate': { title: 'Rotate the master key', reach: admins, stepUp: true },
  'vault.retire': { title: 'Retire an old version of the master key', reach: admins, stepUp: true },

  'vault.check': { title: 'Compare vault and database', reach: admins },
  'vault.manage': {
    title: 'Rotate and retire master keys, and verify every object',
    reach: admins,
    stepUp: true,
  },
  'audit.read': { title: 'Read the audit log and the compliance report', reach: overseers },
  'audit.review': { title: 'Mark the audit log as reviewed', reach: overseers },
  'audit.export': { title: 'Export the audit log', reach: admins, stepUp: true },
  'audit.verify': { title: 'Verify the audit log, and prove entries of it', reach: admins },
} as const satisfies Readonly<Record<string, Operation>>

export type OperationName = keyof typeof operations

/** In the order of the table. */
export const operationNames = Object.keys(operations).filter(
  (name): name is OperationName => name in operations,
)

/** The operation of that name, with all that an operation may say. */
export const operationOf = (name: OperationName): Operation => operations[name]

/** How far someone (undefined: nobody signed in) gets with an operation. */
export const reachOf = (role: Role | undefined, name: OperationName): Reach =>
  operationOf(name).reach[role ?? 'nobody']

/** Whether someone may do it at all; over which objects, `decide` says. */
export const mayPerform = (role: Role | undefined, name: OperationName): boolean =>
  reachOf(role, name) !== 'none'

/** What someone holds over a dataset or run: `nothing` over what is another's, undefined where there is none. */
export type Held = Right | 'nothing' | undefined

/** What someone gets who asks for an operation over a dataset or run. `hidden` is answered as if there were none. */
export function decide(role: Role, name: OperationName, held: Held): 'allowed' | 'forbidden' | 'hidden' {
  if (held === undefined) return 'hidden'
  if (held === 'nothing' && reachOf(role, 'dataset.read') !== 'any') return 'hidden'
  const reach = reachOf(role, name)
  if (reach === 'any') return 'allowed'
  return reach === 'shared' && includes(held, operationOf(name).right ?? 'manage') ? 'allowed' : 'forbidden'
}

/** Whether what is held includes a right. */
const includes = (held: Right | 'nothing', needed: Right): boolean =>
  held !== 'nothing' && rights.indexOf(held) >= rights.indexOf(needed)
