import type { Role } from '../auth/user.ts'

/** How much of something one user, or one address where nobody is signed in, may ask for. */
export interface Limit {
  /** For the administrator's page. */
  readonly title: string
  /** Requests in any window of that length. */
  readonly amount: number
  readonly windowSeconds: number
  /** What an override may not go below: an administrator who set less could not set it back. */
  readonly least: number
  /** Operations counted here. Whatever is in no list counts as `general`, or `anonymous` when nobody is signed in. */
  readonly operations: readonly string[]
  /** Pages that only offer the operation are no request for it. */
  readonly countsReads: boolean
}

/**
 * The limits as they are until an administrator overrides them. `general` is what a person with several live pages
 * open never reaches (a page and its fragments are some ten requests) and a script that runs away does. Uploads count
 * there: a folder of many files is one request each, and bytes are what bounds them.
 */
export const limits = {
  validation: {
    title: 'Validation: starting and resuming runs, mappings, repairs, flows tried, checks asked for',
    amount: 100,
    windowSeconds: 60,
    least: 1,
    operations: [
      'flow.try',
      'flow.check',
      'run.start',
      'run.resume',
      'dataset.update',
      'record.repair',
      'record.repair-removal',
    ],
    countsReads: false,
  },
  exports: {
    title: 'Exports: downloads of what runs wrote',
    amount: 10,
    windowSeconds: 3_600,
    least: 1,
    operations: ['export.read', 'export.read-raw', 'audit.export'],
    countsReads: true,
  },
  general: {
    title: 'Everything else, signed in',
    amount: 1_200,
    windowSeconds: 60,
    least: 60,
    operations: [],
    countsReads: true,
  },
  anonymous: {
    title: 'Everything, not signed in (by address)',
    amount: 600,
    windowSeconds: 60,
    least: 30,
    operations: [],
    countsReads: true,
  },
} as const satisfies Readonly<Record<string, Limit>>

export type LimitName = keyof typeof limits

/** Whom an override is for: a role, whoever is not signed in, or `everyone` that no other override names. */
export type LimitedRole = Role | 'nobody' | 'everyone'

/** Never limited: the same for everybody and cheap, and a probe that is refused would take the portal out of service. */
const free = ['asset.read', 'health.read']

/**
 * Answered from memory alone, also while the database is away: that is when whoever watches from outside asks. They are
 * limited then as well, by each process for itself.
 */
export const answeredFromMemory: readonly string[] = ['status.read', 'diagram.read', 'metrics.read']

/** The limit a request counts against; undefined: none. */
export function limitFor(operation: string, isRead: boolean, isSignedIn: boolean): LimitName | undefined {
  if (free.includes(operation)) return undefined
  if (!isSignedIn) return 'anonymous'
  for (const name of ['validation', 'exports'] as const) {
    const limit: Limit = limits[name]
    if (limit.operations.includes(operation) && (limit.countsReads || !isRead)) return name
  }
  return 'general'
}
