import { recordAudit } from '../../db/audit-outbox.ts'
import type { OperationName } from '../../domain/auth/operations.ts'
import type { ObjectRef } from '../../domain/auth/permissions.ts'
import type { AppContext, AppDeps } from '../app-context.ts'

const windowMs = 60_000
/** Of one person or address and one operation, so many a minute are written one by one. */
const mostInWindow = 20
/** Whoever comes when so many are watched starts the watch anew: memory stays bounded, nothing is lost but a count. */
const mostWatched = 10_000

/**
 * Writes refused access to the audit log. A flood is written as its beginning and a number: the entry that follows
 * says how many before it were left out.
 */
export function denialRecorder({ db, clock }: Pick<AppDeps, 'db' | 'clock'>) {
  const watched = new Map<string, { since: number; count: number }>()

  return async (c: AppContext, operation: OperationName, object: ObjectRef | undefined): Promise<void> => {
    const { caller } = c.var
    const now = clock().getTime()
    const who = c.var.viewer === undefined ? `address ${caller.address ?? ''}` : caller.actor.id
    const key = `${who} ${operation}`
    const before = watched.get(key)
    const isOver = before === undefined || now - before.since >= windowMs
    const leftOut = isOver ? Math.max(0, (before?.count ?? 0) - mostInWindow) : 0
    if (isOver) {
      if (watched.size >= mostWatched) watched.clear()
      watched.set(key, { since: now, count: 1 })
    } else {
      before.count++
      if (before.count > mostInWindow) return
    }
    // What a path names is the caller's own text: only what looks like an id is kept.
    const isId = object !== undefined && /^[a-z]+_\w{1,64}$/.test(object.id)
    await recordAudit(db, caller, {
      action: operation,
      objectType: object?.kind ?? 'system',
      objectId: object === undefined ? 'route' : isId ? object.id : 'unknown',
      outcome: 'denied',
      details: { method: c.req.method, ...(leftOut === 0 ? {} : { leftOut }) },
    })
  }
}
