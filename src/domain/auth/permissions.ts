import { mayPerform, type OperationName } from './operations.ts'
import type { Role } from './user.ts'

/** What a request to a route is: an operation of the table in `operations.ts`, which says who may. */
export interface Permission {
  readonly operation: OperationName
  /** The body is a stream that the route bounds itself; any other body is refused beyond a megabyte. */
  readonly upload?: true
  /** What else it may turn out to be, once the object is known; the route asks. */
  readonly also?: OperationName
  /** Asked by the page itself, not by its reader: keeps no session alive. */
  readonly background?: true
  /** Nobody is signed in there: neither cookie nor key is read, so that there is nothing another site could misuse. */
  readonly cookieless?: true
  /** For programs: API keys and tokens are taken, within their scopes. Nowhere else are they. */
  readonly bearer?: true
  /** The route knows a token of its own; what is none of our keys is left to it. */
  readonly ownToken?: true
  /** Of a form that is sent to an address without a page of its own: where the form stands. GET leads there. */
  readonly page?: string
}

/** Every route with the operation it is. A route that is not here is refused, whatever its code says. */
export const permissions: Readonly<Record<string, Permission>> = {
  'GET /health': { operation: 'health.read' },
  'GET /ready': { operation: 'health.read' },
  // Programs have no session: these routes ask for a session or a token themselves, unless they are public.
  'GET /metrics': { operation: 'metrics.read', bearer: true, ownToken: true },
  'OPTIONS /metrics': { operation: 'metrics.read', cookieless: true },
  'GET /status': { operation: 'status.read', bearer: true, ownToken: true },
  'OPTIONS /status': { operation: 'status.read', cookieless: true },
  'GET /diagram': { operation: 'diagram.read', bearer: true, ownToken: true },
  'OPTIONS /diagram': { operation: 'diagram.read', cookieless: true },
  'GET /diagram/svg': { operation: 'diagram.read', bearer: true, ownToken: true },
  'OPTIONS /diagram/svg': { operation: 'diagram.read', cookieless: true },
  // The token in the address is all that counts.
  'GET /ping/:token': { operation: 'heartbeat.ping', cookieless: true },
  'POST /ping/:token': { operation: 'heartbeat.ping', cookieless: true, upload: true },
  'GET /ping/:token/': { operation: 'heartbeat.ping', cookieless: true },
  'POST /ping/:token/': { operation: 'heartbeat.ping', cookieless: true, upload: true },
  'GET /ping/:token/:signal': { operation: 'heartbeat.ping', cookieless: true },
  'POST /ping/:token/:signal': { operation: 'heartbeat.ping', cookieless: true, upload: true },
  'GET /ping/:key/:slug/:signal': { operation: 'heartbeat.ping', cookieless: true },
  'POST /ping/:key/:slug/:signal': { operation: 'heartbeat.ping', cookieless: true, upload: true },
  'GET /favicon.svg': { operation: 'asset.read' },
  'GET /portal.css': { operation: 'asset.read' },
  'GET /scripts/portal.js': { operation: 'asset.read' },
  'GET /scripts/*': { operation: 'asset.read' },
  'GET /draw-mermaid.js': { operation: 'asset.read' },
  'GET /vendor/mermaid/*': { operation: 'asset.read' },
  'GET /board.css': { operation: 'asset.read' },
  'GET /board.js': { operation: 'asset.read' },
  'GET /board-icons/*': { operation: 'asset.read' },
  'GET /vendor/htmx/*': { operation: 'asset.read' },
  'GET /vendor/plex-sans/*': { operation: 'asset.read' },
  'GET /vendor/plex-mono/*': { operation: 'asset.read' },

  'GET /sign-in': { operation: 'session.create' },
  'POST /sign-in': { operation: 'session.create' },
  'POST /sign-in/code': { operation: 'session.create', page: '/sign-in' },
  'POST /sign-out': { operation: 'session.end' },
  'GET /set-up': { operation: 'set-up' },
  'POST /set-up': { operation: 'set-up' },
  'GET /account': { operation: 'account.read' },
  'GET /account/activity': { operation: 'account.read' },
  'POST /account/sessions/revocation': { operation: 'session.revoke', page: '/account#sessions' },
  'POST /account/sessions/:id/revocation': { operation: 'session.revoke', page: '/account#sessions' },
  'POST /account/password': { operation: 'account.password', page: '/account#password' },
  'POST /account/preferences': { operation: 'account.preferences', page: '/account#shortcuts' },
  'GET /account/second-factor': { operation: 'second-factor.enrol' },
  'POST /account/second-factor': { operation: 'second-factor.enrol' },
  'POST /account/second-factor/removal': {
    operation: 'second-factor.remove',
    page: '/account#second-factor',
  },
  'POST /account/recovery-codes': { operation: 'second-factor.renew-codes', page: '/account#second-factor' },
  'GET /account/keys': { operation: 'account.read' },
  'GET /account/keys/new': { operation: 'api-key.create' },
  'POST /account/keys/new': { operation: 'api-key.create' },
  'GET /account/keys/:keyId/revocation': { operation: 'api-key.revoke' },
  'POST /account/keys/:keyId/revocation': { operation: 'api-key.revoke' },
  'GET /step-up': { operation: 'session.step-up' },
  'POST /step-up': { operation: 'session.step-up' },
  'GET /new-password': { operation: 'password.set' },
  'POST /new-password': { operation: 'password.set' },

  'GET /admin': { operation: 'permission.read' },
  'GET /admin/system': { operation: 'system.read' },
  'GET /admin/keys': { operation: 'vault.read-keys' },
  'GET /admin/keys/rotation': { operation: 'vault.rotate' },
  'POST /admin/keys/rotation': { operation: 'vault.rotate' },
  'GET /admin/keys/:version/retirement': { operation: 'vault.retire' },
  'POST /admin/keys/:version/retirement': { operation: 'vault.retire' },
  'GET /admin/users': { operation: 'user.read' },
  'POST /admin/users': { operation: 'user.invite' },
  'POST /admin/users/:userId/role': { operation: 'user.role', page: '/admin/users' },
  'POST /admin/users/:userId/disabling': { operation: 'user.disable', page: '/admin/users' },
  'POST /admin/users/:userId/enabling': { operation: 'user.disable', page: '/admin/users' },
  'POST /admin/users/:userId/sign-out': { operation: 'user.end-sessions', page: '/admin/users' },
  'POST /admin/users/:userId/reset-link': { operation: 'user.reset', page: '/admin/users' },
  'GET /admin/audit': { operation: 'audit.read' },
  'GET /admin/audit/news': { operation: 'audit.read', background: true },
  'GET /admin/audit/events': { operation: 'audit.read', background: true },
  'GET /admin/audit/export': { operation: 'audit.export' },
  'POST /admin/audit/reviews': { operation: 'audit.review', page: '/admin/audit' },
  'GET /admin/audit/:seq': { operation: 'audit.read' },
  'GET /admin/audit/:seq/proof': { operation: 'audit.read' },
  'GET /admin/report': { operation: 'audit.read' },
  'GET /admin/limits': { operation: 'rate-limit.read' },
  'POST /admin/limits': { operation: 'rate-limit.set' },
  'GET /admin/permissions': { operation: 'permission.read' },
  'GET /admin/sessions': { operation: 'session.read-all' },
  'POST /admin/sessions/:sessionId/revocation': { operation: 'session.revoke-any', page: '/admin/sessions' },

  'GET /admin/api-keys': { operation: 'api-key.read-all' },
  'GET /admin/api-keys/:keyId/revocation': { operation: 'api-key.revoke-any' },
  'POST /admin/api-keys/:keyId/revocation': { operation: 'api-key.revoke-any' },

  'GET /admin/deletions': { operation: 'deletion.read' },
  'GET /admin/deletions/:deletionId': { operation: 'deletion.read' },
  'GET /admin/deletions/:deletionId/certificate': { operation: 'deletion.read' },
  'POST /admin/deletions/:deletionId/confirmation': {
    operation: 'subject.delete',
    page: '/admin/deletions/:deletionId',
  },
  'POST /admin/deletions/:deletionId/discarding': {
    operation: 'subject.delete',
    page: '/admin/deletions/:deletionId',
  },
  'GET /admin/subjects': { operation: 'subject.delete' },
  'POST /admin/subjects': { operation: 'subject.delete' },
  'GET /admin/retention': { operation: 'retention.update' },
  'POST /admin/retention': { operation: 'retention.update' },

  'GET /': { operation: 'overview.read' },

  'GET /board/:id': { operation: 'board.read' },
  'GET /board/:id/live': { operation: 'board.read', background: true },
  'GET /board/:id/events': { operation: 'board.read', background: true },
  'GET /board/link/:token': { operation: 'board-link.open' },
  'GET /admin/boards': { operation: 'board-link.read' },
  'POST /admin/boards': { operation: 'board-link.create' },
  'POST /admin/boards/:linkId/revocation': { operation: 'board-link.revoke', page: '/admin/boards' },

  'GET /datasets': { operation: 'dataset.read' },
  'GET /datasets/new': { operation: 'dataset.create' },
  'POST /datasets': { operation: 'dataset.create', upload: true },
  'POST /datasets/files': { operation: 'dataset.create', upload: true },
  'GET /datasets/:id': { operation: 'dataset.read' },
  'GET /datasets/:id/mapping': { operation: 'dataset.read' },
  'POST /datasets/:id/mapping': { operation: 'dataset.update' },
  'GET /datasets/:id/delete': { operation: 'dataset.delete' },
  'POST /datasets/:id/delete': { operation: 'dataset.delete' },
  'POST /datasets/:id/retention': { operation: 'dataset.retention', page: '/datasets/:id#retention' },
  'POST /datasets/:id/hold': { operation: 'dataset.hold', page: '/datasets/:id#retention' },
  'POST /datasets/:id/hold/removal': { operation: 'dataset.hold', page: '/datasets/:id#retention' },
  'POST /datasets/:id/shares': { operation: 'dataset.share', page: '/datasets/:id#share' },
  'POST /datasets/:id/shares/:shareId/removal': { operation: 'dataset.share', page: '/datasets/:id#share' },
  'POST /datasets/:id/runs': { operation: 'run.start', page: '/datasets/:id' },
  'POST /datasets/:id/unattended-run': { operation: 'run.start' },

  'GET /runs': { operation: 'run.read' },
  'GET /runs/new': { operation: 'run.start' },
  'POST /runs': { operation: 'run.start' },
  'GET /runs/:id': { operation: 'run.read' },
  'GET /runs/:id/live': { operation: 'run.read', background: true },
  'GET /runs/:id/events': { operation: 'run.read', background: true },
  'GET /runs/:id/history': { operation: 'run.read' },
  'GET /runs/:id/again': { operation: 'run.start' },
  'POST /runs/:id/again': { operation: 'run.start' },
  'GET /runs/:id/quarantine': { operation: 'quarantine.read' },
  'GET /runs/:id/quarantine/repairs': { operation: 'record.repair' },
  'POST /runs/:id/quarantine/repairs': { operation: 'record.repair' },
  'GET /runs/:id/quarantine/:datasetId/:ordinal': { operation: 'record.read' },
  'POST /runs/:id/quarantine/:datasetId/:ordinal/repair': {
    operation: 'record.repair',
    page: '/runs/:id/quarantine/:datasetId/:ordinal',
  },
  'POST /runs/:id/quarantine/:datasetId/:ordinal/repair/removal': {
    operation: 'record.repair-removal',
    page: '/runs/:id/quarantine/:datasetId/:ordinal',
  },
  'POST /runs/:id/follow-up': { operation: 'run.start', page: '/runs/:id/quarantine' },
  'GET /runs/:id/exports/:exportId': { operation: 'export.read', also: 'export.read-raw' },
  'GET /runs/:id/cancel': { operation: 'run.cancel' },
  'POST /runs/:id/cancel': { operation: 'run.cancel' },
  'POST /runs/:id/resume': { operation: 'run.resume', page: '/runs/:id' },
  'POST /runs/:id/pin': { operation: 'run.pin', page: '/runs/:id' },
  'POST /runs/:id/pin/removal': { operation: 'run.pin-removal', page: '/runs/:id' },

  'GET /flows': { operation: 'flow.read' },
  'GET /flows/try': { operation: 'flow.try' },
  'POST /flows/try': { operation: 'flow.try' },
  'GET /flows/:flow': { operation: 'flow.read' },
  'GET /flows/:flow/history': { operation: 'flow.read', background: true },
  'GET /flows/:flow/live': { operation: 'flow.read', background: true },
  'GET /flows/:flow/events': { operation: 'flow.read', background: true },
  'GET /flows/:flow/drawing': { operation: 'flow.read', background: true },
  'GET /flows/:flow/configuration': { operation: 'flow.read' },
  'GET /flows/:flow/mermaid': { operation: 'flow.read' },
  'GET /flows/:flow/processes/:process': { operation: 'flow.read' },
  'POST /flows/:flow/checks/:check/runs': { operation: 'flow.check', page: '/flows/:flow' },

  'GET /api/v1/runs/:id/events': { operation: 'run.read', bearer: true },
  'POST /api/v1/tokens': { operation: 'token.create', bearer: true },
  'POST /api/v1/tokens/revocation': { operation: 'token.revoke', bearer: true },
}

/** What a command of the command line does; it acts as the local operator, who is an administrator. */
export const commandOperations = {
  pipeline: 'run.start',
  fsck: 'vault.check',
  vault: 'vault.manage',
  audit: 'audit.verify',
  flow: 'flow.try',
  'demo:flow': 'flow.demo',
} as const satisfies Readonly<Record<string, OperationName>>

/** A dataset or a run, as a path names it. */
export interface ObjectRef {
  readonly kind: 'dataset' | 'run'
  readonly id: string
}

/** A permission with the dataset or run that the path of the request names, where it names one. */
export interface FoundPermission extends Permission {
  readonly object?: ObjectRef
}

/** The entry for a request, the most literal pattern first; undefined means: refuse. HEAD counts as GET. */
export function permissionFor(method: string, path: string): FoundPermission | undefined {
  const asked = method === 'HEAD' ? 'GET' : method
  const segments = path.split('/')
  const entry = entryFor(asked, segments)
  if (entry === undefined || entry.isOnlySentTo) return undefined
  const id = entry.object === undefined ? undefined : segments[entry.object.at]
  if (entry.object === undefined || id === undefined) return entry.permission
  return { ...entry.permission, object: { kind: entry.object.kind, id } }
}

/** The page that a form stands on which is sent to this path, where the path has no page of its own. */
export function pageOfForm(path: string): string | undefined {
  const segments = path.split('/')
  const entry = entryFor('GET', segments)
  if (!entry?.isOnlySentTo) return undefined
  const named = entry.segments.flatMap((part, at) => (part.startsWith(':') ? [segments[at] ?? ''] : []))
  // What is no id names nothing that has a form, and would be a stranger's text in an address of ours.
  if (!named.every((id) => /^[\w-]+$/.test(id))) return undefined
  return entry.permission.page?.replace(/:\w+/g, (name) => segments[entry.segments.indexOf(name)] ?? '')
}

/** With which methods programs may ask at a path; undefined where the path is none of theirs. */
export function methodsForPrograms(path: string): string[] | undefined {
  const segments = path.split('/')
  const entries = compiled.filter((entry) => !entry.isOnlySentTo && matches(entry.segments, segments))
  if (!entries.some(({ permission }) => isForPrograms(permission))) return undefined
  return entries.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
}

const isForPrograms = ({ cookieless, bearer, operation }: Permission): boolean =>
  cookieless === true || bearer === true || operation === 'health.read'

/** Whether someone (undefined: nobody signed in) may use a route at all. */
export const mayUse = (permission: Permission, role: Role | undefined): boolean =>
  mayPerform(role, permission.operation)

const entryFor = (method: string, segments: readonly string[]) =>
  compiled.find((entry) => entry.method === method && matches(entry.segments, segments))

const compiled = Object.entries(permissions)
  .flatMap(([key, permission]) => {
    const [method = '', path = ''] = key.split(' ')
    const segments = path.split('/')
    const entry = { method, segments, permission, object: objectIn(segments), isOnlySentTo: false }
    return permission.page === undefined ? [entry] : [entry, { ...entry, method: 'GET', isOnlySentTo: true }]
  })
  .sort((a, b) => wildness(a.segments) - wildness(b.segments))

/** Where a path names a dataset or a run: `:id` after their list. */
function objectIn(segments: readonly string[]): { kind: ObjectRef['kind']; at: number } | undefined {
  const at = segments.indexOf(':id')
  const list = segments[at - 1]
  if (list === 'datasets') return { kind: 'dataset', at }
  return list === 'runs' ? { kind: 'run', at } : undefined
}

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
