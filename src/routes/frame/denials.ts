import { recordAudit } from '../../db/audit-outbox.ts'
import type { OperationName } from '../../domain/auth/operations.ts'
import { type ObjectRef, permissionFor } from '../../domain/auth/permissions.ts'
import { networkOfClient } from '../../domain/network/addresses.ts'
import type { AppContext, AppDeps } from '../app-context.ts'
import { anonymousCaller } from './anonymous.ts'

const windowMs = 60_000
/** Of one person or address and one operation, so many a minute are written one by one. */
const mostInWindow = 20
/** Of everybody together who is not signed in: however many addresses they come from. */
const mostAnonymous = 200
/** Whoever comes when so many are watched starts the watch anew: memory stays bounded, nothing is lost but a count. */
const mostWatched = 10_000

/**
 * Writes refused access to the audit log. A flood is written as its beginning and a number: the entry that follows
 * says how many before it were left out.
 */
export function denialRecorder({ db, clock }: Pick<AppDeps, 'db' | 'clock'>) {
  const floods = new Floods()

  return async (c: AppContext, operation: OperationName, object: ObjectRef | undefined): Promise<void> => {
    const { caller } = c.var
    const now = clock().getTime()
    const isAnonymous = c.var.viewer === undefined
    const who = isAnonymous ? `address ${networkOfClient(caller.address ?? '')}` : caller.actor.id
    const leftOut = floods.admit(`${who} ${operation}`, mostInWindow, now)
    if (leftOut === undefined) return
    if (isAnonymous && floods.admit('anonymous', mostAnonymous, now) === undefined) return
    // What a path names is the caller's own text: only what looks like an id is kept.
    const isId = object !== undefined && /^[a-z]+_\w{1,64}$/.test(object.id)
    const { refused } = c.var
    await recordAudit(db, caller, {
      action: operation,
      ...(refused === undefined
        ? {
            objectType: object?.kind ?? 'system',
            objectId: object === undefined ? 'route' : isId ? object.id : 'unknown',
          }
        : { objectType: refused.type, objectId: refused.id ?? 'unknown' }),
      outcome: 'denied',
      details: { method: c.req.method, ...(leftOut === 0 ? {} : { leftOut }) },
    })
  }
}

/** Writes down changes that another site asked a browser for, before it is looked at whose they would have been. */
export function otherSiteRecorder({ db, clock }: Pick<AppDeps, 'db' | 'clock'>) {
  const floods = new Floods()

  return async (c: AppContext): Promise<void> => {
    const caller = anonymousCaller(c)
    const now = clock().getTime()
    const leftOut = floods.admit(networkOfClient(caller.address ?? ''), mostInWindow, now)
    if (leftOut === undefined || floods.admit('anonymous', mostAnonymous, now) === undefined) return
    await recordAudit(db, caller, {
      action: 'request.other-site',
      objectType: 'system',
      objectId: 'route',
      outcome: 'denied',
      details: {
        method: c.req.method,
        operation: permissionFor(c.req.method, c.req.path)?.operation ?? 'none',
        ...(leftOut === 0 ? {} : { leftOut }),
      },
    })
  }
}

/** Counts by the minute. */
class Floods {
  readonly #watched = new Map<string, { since: number; count: number }>()

  /** How many were left out before this one; undefined when this one is left out, too. */
  admit(key: string, most: number, now: number): number | undefined {
    const before = this.#watched.get(key)
    if (before === undefined || now - before.since >= windowMs) {
      if (this.#watched.size >= mostWatched) this.#watched.clear()
      this.#watched.set(key, { since: now, count: 1 })
      return Math.max(0, (before?.count ?? 0) - most)
    }
    before.count++
    return before.count > most ? undefined : 0
  }
}
