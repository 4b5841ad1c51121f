import type { Role } from './user.ts'

/** Who a route is open to; `anonymous` opens it to everybody. */
export type Audience = Role | 'anonymous'

export interface Permission {
  /** What is done, in words that the audit log and the documents share. */
  readonly operation: string
  readonly audience: readonly Audience[]
  /** The body is a stream that the route bounds itself; any other body is refused beyond a megabyte. */
  readonly upload?: true
}

const everybody: readonly Audience[] = ['anonymous', 'viewer', 'editor', 'admin']
const readers: readonly Audience[] = ['viewer', 'editor', 'admin']
const editors: readonly Audience[] = ['editor', 'admin']

/** Every route with who may use it. A route that is not here is refused, whatever its code says. */
export const permissions: Readonly<Record<string, Permission>> = {
  'GET /health': { operation: 'health.read', audience: everybody },
  'GET /ready': { operation: 'health.read', audience: everybody },
  // Scrapers have no session: the route itself asks for an administrator or a token, unless metrics are public.
  'GET /metrics': { operation: 'metrics.read', audience: everybody },
  'GET /favicon.svg': { operation: 'asset.read', audience: everybody },
  'GET /portal.css': { operation: 'asset.read', audience: everybody },
  'GET /signalbox.js': { operation: 'asset.read', audience: everybody },
  'GET /vendor/htmx/*': { operation: 'asset.read', audience: everybody },
  'GET /vendor/plex-sans/*': { operation: 'asset.read', audience: everybody },
  'GET /vendor/plex-mono/*': { operation: 'asset.read', audience: everybody },

  'GET /sign-in': { operation: 'session.create', audience: everybody },
  'POST /sign-in': { operation: 'session.create', audience: everybody },
  'POST /sign-out': { operation: 'session.end', audience: everybody },
  'GET /set-up': { operation: 'set-up', audience: everybody },
  'POST /set-up': { operation: 'set-up', audience: everybody },
  'GET /account': { operation: 'account.read', audience: readers },
  'POST /account/sessions/:id/revocation': { operation: 'session.revoke', audience: readers },

  'GET /': { operation: 'overview.read', audience: readers },

  'GET /datasets': { operation: 'dataset.read', audience: readers },
  'GET /datasets/new': { operation: 'dataset.create', audience: editors },
  'POST /datasets': { operation: 'dataset.create', audience: editors, upload: true },
  'POST /datasets/files': { operation: 'dataset.create', audience: editors, upload: true },
  'GET /datasets/:id': { operation: 'dataset.read', audience: readers },
  'GET /datasets/:id/mapping': { operation: 'dataset.read', audience: readers },
  'POST /datasets/:id/mapping': { operation: 'dataset.update', audience: editors },
  'GET /datasets/:id/delete': { operation: 'dataset.delete', audience: editors },
  'POST /datasets/:id/delete': { operation: 'dataset.delete', audience: editors },
  'POST /datasets/:id/runs': { operation: 'run.start', audience: editors },
  'POST /datasets/:id/unattended-run': { operation: 'run.start', audience: editors },

  'GET /runs': { operation: 'run.read', audience: readers },
  'GET /runs/new': { operation: 'run.start', audience: editors },
  'POST /runs': { operation: 'run.start', audience: editors },
  'GET /runs/:id': { operation: 'run.read', audience: readers },
  'GET /runs/:id/live': { operation: 'run.read', audience: readers },
  'GET /runs/:id/events': { operation: 'run.read', audience: readers },
  'GET /runs/:id/history': { operation: 'run.read', audience: readers },
  'GET /runs/:id/again': { operation: 'run.start', audience: editors },
  'POST /runs/:id/again': { operation: 'run.start', audience: editors },
  'GET /runs/:id/quarantine': { operation: 'quarantine.read', audience: readers },
  'GET /runs/:id/quarantine/repairs': { operation: 'record.repair', audience: editors },
  'POST /runs/:id/quarantine/repairs': { operation: 'record.repair', audience: editors },
  'GET /runs/:id/quarantine/:datasetId/:ordinal': { operation: 'record.read', audience: readers },
  'POST /runs/:id/quarantine/:datasetId/:ordinal/repair': { operation: 'record.repair', audience: editors },
  'POST /runs/:id/quarantine/:datasetId/:ordinal/repair/removal': {
    operation: 'record.repair-removal',
    audience: editors,
  },
  'POST /runs/:id/follow-up': { operation: 'run.start', audience: editors },
  'GET /runs/:id/exports/:exportId': { operation: 'export.read', audience: readers },
  'POST /runs/:id/cancel': { operation: 'run.cancel', audience: editors },
  'POST /runs/:id/resume': { operation: 'run.resume', audience: editors },
  'POST /runs/:id/pin': { operation: 'run.pin', audience: editors },
  'POST /runs/:id/pin/removal': { operation: 'run.pin-removal', audience: editors },

  'GET /api/v1/runs/:id/events': { operation: 'run.read', audience: readers },
}

/** The entry for a request, the most literal pattern first; undefined means: refuse. HEAD counts as GET. */
export function permissionFor(method: string, path: string): Permission | undefined {
  const asked = method === 'HEAD' ? 'GET' : method
  const segments = path.split('/')
  return compiled.find((entry) => entry.method === asked && matches(entry.segments, segments))?.permission
}

/** Whether someone (undefined: nobody signed in) belongs to the audience. */
export const mayUse = (permission: Permission, role: Role | undefined): boolean =>
  permission.audience.includes(role ?? 'anonymous')

const compiled = Object.entries(permissions)
  .map(([key, permission]) => {
    const [method = '', path = ''] = key.split(' ')
    return { method, segments: path.split('/'), permission }
  })
  .sort((a, b) => wildness(a.segments) - wildness(b.segments))

function wildness(segments: readonly string[]): number {
  if (segments.at(-1) === '*') return 100
  return segments.filter((segment) => segment.startsWith(':')).length
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  const open = pattern.at(-1) === '*'
  if (open ? segments.length < pattern.length : segments.length !== pattern.length) return false
  return pattern.every((part, i) => {
    if (part === '*') return true
    const segment = segments[i] ?? ''
    return part.startsWith(':') ? segment !== '' : part === segment
  })
}
