import { type Kysely, sql } from 'kysely'
import { type Action, recordReadings } from '../domain/audit/actions.ts'
import type {
  AccessSummary,
  ComplianceReport,
  DeniedAccess,
  FailedSignIns,
  Part,
  Period,
} from '../domain/audit/report.ts'
import type { Viewer } from '../domain/datasets/access.ts'
import { nameEntries } from './audit-names.ts'
import type { AuditLine } from './audit-reading.ts'
import type { Database } from './schema.ts'

/** Entries of a kind that are counted, and listed, at most: a report takes bounded time over any log. */
export const most = { counted: 200_000, grouped: 500, listed: 200 } as const

const downloads = ['export.read', 'audit.export'] as const satisfies readonly Action[]
const exportActions = ['export.make', ...downloads] as const satisfies readonly Action[]
const deletionActions = ['dataset.delete', 'audit.prune', 'vault.retire'] as const satisfies readonly Action[]
const roleActions = [
  'user.role',
  'user.invite',
  'user.disable',
  'user.enable',
  'user.reset',
  'second-factor.remove',
  'dataset.share',
  'dataset.unshare',
  'api-key.create',
  'api-key.revoke',
  'api-key.revoke-any',
] as const satisfies readonly Action[]

/** The report of a period: a fixed number of statements, each a bounded walk along an index. */
export async function readReport(
  db: Kysely<Database>,
  viewer: Viewer,
  period: Period,
): Promise<ComplianceReport> {
  const [access, failedSignIns, denied, exports, deletions, roleChanges] = await Promise.all([
    readAccess(db, period),
    readFailedSignIns(db, period),
    readDenied(db, period),
    list(db, viewer, period, exportActions),
    list(db, viewer, period, deletionActions),
    list(db, viewer, period, roleActions),
  ])
  return { period, access, failedSignIns, denied, exports, deletions, roleChanges }
}

/** The newest entries of some actions in a period: each action a walk along its index. */
const newest = ({ from, to }: Period, actions: readonly Action[], limit: number) =>
  sql`(${sql.join(
    actions.map(
      (action) => sql`(select * from audit.log where action = ${action} and at >= ${from} and at < ${to}
        order by action desc, at desc, seq desc limit ${limit})`,
    ),
    sql` union all `,
  )})`

async function readAccess(db: Kysely<Database>, period: Period): Promise<Part<AccessSummary>> {
  const { rows } = await sql<{
    id: string
    kind: string
    name: string | null
    recordsRead: number
    exports: number
    downloads: number
    isCut: boolean
  }>`
    with entries as materialized (
      select actor_id, actor_kind, action, outcome
      from ${newest(period, [...recordReadings, ...exportActions], most.counted)} every_action
    ), cut as (select count(*) >= ${most.counted} as is_cut from entries group by action)
    select actor_id as id, min(actor_kind) as kind, min(users.name) as name,
      count(*) filter (where action in (${sql.join(recordReadings)})) as records_read,
      count(*) filter (where action = 'export.make') as exports,
      count(*) filter (where action in (${sql.join(downloads)})) as downloads,
      (select bool_or(is_cut) from cut) as is_cut
    from entries left join users on users.id = actor_id
    where outcome = 'allowed' group by actor_id
    order by records_read desc, downloads desc, actor_id limit ${most.grouped + 1}`.execute(db)
  return part(
    rows.map(({ id, kind, name, isCut: _, ...counts }) => ({ actor: { id, kind, name }, ...counts })),
    most.grouped,
    rows.length > most.grouped || rows[0]?.isCut === true,
  )
}

async function readFailedSignIns(db: Kysely<Database>, period: Period): Promise<Part<FailedSignIns>> {
  const { rows } = await sql<{ id: string; name: string | null; count: number; last: Date }>`
    select account as id, min(users.name) as name, count(*) as count, max(at) as last
    from ${denials(period, sql`action in ('session.create', 'session.step-up')`)} entries
    cross join lateral (values (case object_type when 'user' then object_id else 'unknown' end)) named (account)
    left join users on users.id = account
    group by account order by count desc, account limit ${most.grouped + 1}`.execute(db)
  return part(
    rows.map(({ id, name, ...more }) => ({ account: id === 'unknown' ? null : { id, name }, ...more })),
    most.grouped,
  )
}

async function readDenied(db: Kysely<Database>, period: Period): Promise<Part<DeniedAccess>> {
  const { rows } = await sql<{
    id: string
    name: string | null
    action: string
    count: number
    last: Date
  }>`
    select actor_id as id, min(users.name) as name, action, count(*) as count, max(at) as last
    from ${denials(period, sql`action not in ('session.create', 'session.step-up')`)} entries
    left join users on users.id = actor_id
    group by actor_id, action order by count desc, actor_id, action limit ${most.grouped + 1}`.execute(db)
  return part(
    rows.map(({ id, name, ...more }) => ({ actor: { id, name }, ...more })),
    most.grouped,
  )
}

const denials = ({ from, to }: Period, which: ReturnType<typeof sql>) =>
  sql`(select * from (
    select * from audit.log where outcome = 'denied' and at >= ${from} and at < ${to}
    order by outcome desc, at desc, seq desc limit ${most.counted}
  ) denied where ${which})`

async function list(db: Kysely<Database>, viewer: Viewer, period: Period, actions: readonly Action[]) {
  const { rows } = await sql<AuditLine>`
    select seq, at, actor_id, actor_kind, action, object_type, object_id, outcome, request_id, details
    from ${newest(period, actions, most.listed + 1)} entries
    order by at desc, seq desc limit ${most.listed + 1}`.execute(db)
  return part(
    await nameEntries(db, viewer, rows.slice(0, most.listed)),
    most.listed,
    rows.length > most.listed,
  )
}

const part = <T>(rows: readonly T[], limit: number, isCut = rows.length > limit): Part<T> => ({
  rows: rows.slice(0, limit),
  isCut,
})
