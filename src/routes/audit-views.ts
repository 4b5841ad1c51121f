import { recordAudit } from '../db/audit-outbox.ts'
import type { AuditEntry } from '../domain/audit/entry.ts'
import type { AuditQuery } from '../views/audit/audit-filter.tsx'
import type { AppContext, AppDeps } from './app-context.ts'

/** Views remembered at most; after that live rows of older pages are written down once more. */
const mostViews = 5_000

/**
 * Reading the audit log is on record: once a view, before it is answered. The live rows of a page belong to its view,
 * which they name by its receipt; rows that belong to none, being older or other than it showed, are a view of their own.
 */
export function auditViews({ db }: Pick<AppDeps, 'db'>) {
  /** From which entry on live rows belong to a view. */
  const views = new Map<string, number>()
  const keyOf = (c: AppContext, view: string, query: AuditQuery) =>
    JSON.stringify([c.var.caller.actor.id, view.slice(0, 100), query])
  const remember = (key: string, newest: number) => {
    if (views.size >= mostViews) views.clear()
    views.set(key, newest)
  }

  return {
    /** Writes the view of a list down; answers its receipt. */
    async recordList(c: AppContext, query: AuditQuery, newest: number): Promise<string> {
      await recordView(db, c, asked(query))
      const { requestId } = c.var.caller
      remember(keyOf(c, requestId, query), newest)
      return requestId
    },

    async recordLive(c: AppContext, query: AuditQuery, after: number): Promise<void> {
      const key = keyOf(c, c.req.query('view') ?? '', query)
      const known = views.get(key)
      if (known !== undefined && after >= known) return
      await recordView(db, c, { view: 'live', after, ...asked(query) })
      remember(key, after)
    },
  }
}

/** Writes down that somebody reads the log. */
export const recordView = (db: AppDeps['db'], c: AppContext, details: AuditEntry['details']) =>
  recordAudit(db, c.var.caller, {
    action: 'audit.read',
    objectType: 'system',
    objectId: 'audit',
    outcome: 'allowed',
    details,
  })

/** What was asked for, for the entry about it: what does not look like an id or a word of ours is not kept. */
export function asked(query: AuditQuery): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, /^[\w.:-]{1,80}$/.test(value) ? value : 'given']] : [],
    ),
  )
}
