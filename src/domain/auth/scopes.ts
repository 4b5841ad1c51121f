import type { OperationName } from './operations.ts'

interface Scope {
  /** What it lets a program do, for people. */
  readonly title: string
  readonly operations: readonly OperationName[]
}

/**
 * What keys and tokens can be for. A scope never gives more than its owner's role and shares do: both have to allow.
 * Nothing of one's account or of administration is in any of them, and nothing that asks for password or code again.
 */
export const scopes = {
  'status:read': {
    title: 'Read status and diagrams of the flows, and the metrics',
    operations: ['status.read', 'diagram.read', 'metrics.read'],
  },
  'data:read': {
    title: 'Read datasets, runs and quarantined records',
    operations: ['overview.read', 'dataset.read', 'run.read', 'quarantine.read'],
  },
  'data:upload': {
    title: 'Upload datasets, correct their mapping',
    operations: ['dataset.create', 'dataset.update'],
  },
  'data:run': {
    title: 'Start, cancel, resume and pin runs',
    operations: ['run.start', 'run.cancel', 'run.resume', 'run.pin', 'run.pin-removal'],
  },
  'data:export': { title: 'Download exports', operations: ['export.read'] },
} as const satisfies Readonly<Record<string, Scope>>

export type ScopeName = keyof typeof scopes

/** In the order of the table. */
export const scopeNames = Object.keys(scopes).filter((name): name is ScopeName => name in scopes)

/** What every key is for, whatever its scopes: giving itself out as tokens, and taking them back. */
const ofEveryKey: readonly OperationName[] = ['token.create', 'token.revoke']

/** Whether these scopes hold an operation. */
export const areFor = (given: readonly ScopeName[], operation: OperationName): boolean =>
  ofEveryKey.includes(operation) || scopesFor(operation).some((name) => given.includes(name))

/** The scopes that hold an operation; none for what no key can do. */
export const scopesFor = (operation: OperationName): ScopeName[] =>
  scopeNames.filter((name) => operationsOf(name).includes(operation))

/** The scopes of that name; what an older version knew and this one does not is left out. */
export const knownScopes = (names: readonly string[]): ScopeName[] =>
  scopeNames.filter((name) => names.includes(name))

const operationsOf = (name: ScopeName): readonly OperationName[] => scopes[name].operations
