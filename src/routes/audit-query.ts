import type { Kysely } from 'kysely'
import { z } from 'zod'
import { readAbout } from '../db/audit-about.ts'
import { findActor } from '../db/audit-names.ts'
import type { AuditCursor, AuditFilter } from '../db/audit-reading.ts'
import type { Database } from '../db/schema.ts'
import { objectTypes, outcomes } from '../domain/audit/actions.ts'
import { type AuditQuery, filterKeys } from '../views/audit/audit-filter.tsx'

/** An empty filter means any; a wrong one too, so that old links still show something: what is left out is said. */
const optional = <T extends z.ZodType>(type: T) => type.optional().catch(undefined)
const text = optional(z.string().trim().min(1).max(1_000))
/** A day, or a day and a time to the minute or finer. */
const moment = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?$/
/** A day alone is UTC as it is. */
const hasZone = /^[\d-]+$|Z$|[+-]\d\d:\d\d$/
const momentOf = (time: string): Date => new Date(hasZone.test(time) ? time : `${time}Z`)
const isTime = (time: string): boolean =>
  z.iso.date().safeParse(time.slice(0, 10)).success && !Number.isNaN(momentOf(time).getTime())

/** A day, or a moment; of one without a zone it is UTC, like every time of the log. */
const time = optional(
  z
    .string()
    .trim()
    .regex(moment)
    .transform((text) => text.replace(' ', 'T'))
    .refine(isTime),
)
/** Digits alone: an empty text, which a form may send, is no number, nor are `1e3` and `0x10`. */
export const EntryNumber = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)
const number = optional(EntryNumber)

const Filters = z.object({
  about: optional(z.string().regex(/^(ds|usr)_\w{1,80}$/)),
  actor: text,
  action: optional(z.string().trim().min(1).max(200)),
  type: optional(z.enum(objectTypes)),
  object: text,
  outcome: optional(z.enum(outcomes)),
  request: text,
  from: time,
  to: time,
})
const Cursor = z.object({ before: number, after: number })

/** What the address asks for, in its own words. */
export const readQuery = (query: Record<string, string>): AuditQuery => Filters.parse(query)

/** The filters of the address that are none of ours, or have a value that they cannot have. */
export function wrongFilters(query: Record<string, string>): (keyof AuditQuery)[] {
  const read = readQuery(query)
  return filterKeys.filter((key) => (query[key] ?? '').trim() !== '' && read[key] === undefined)
}

export const readCursor = (query: Record<string, string>): AuditCursor => {
  const { before, after } = Cursor.parse(query)
  return before === undefined ? { after } : { before }
}

/** The same as the log is searched: names become ids, the last day counts to its end. */
export async function filterOf(db: Kysely<Database>, query: AuditQuery): Promise<AuditFilter> {
  const { about, actor, action, type, object, outcome, request, from, to } = query
  return {
    about: about === undefined ? undefined : await readAbout(db, about),
    actor: actor === undefined ? undefined : await findActor(db, actor),
    action,
    objectType: type,
    objectId: object,
    outcome,
    requestId: request,
    from: from === undefined ? undefined : momentOf(from),
    to: to === undefined ? undefined : endOf(to),
  }
}

/** A day ends where the next begins. */
const endOf = (to: string): Date => new Date(momentOf(to).getTime() + (to.length === 10 ? dayMs : 0))

const dayMs = 86_400_000

const Period = z.object({ from: optional(z.iso.date()), to: optional(z.iso.date()) })

/**
 * The period of a report, both days included: the last 30 days unless the address says otherwise. `isOther`: it said
 * something that is no period.
 */
export function readPeriod(query: Record<string, string>, now: Date) {
  const today = now.toISOString().slice(0, 10)
  const given = Period.parse(query)
  const to = given.to ?? today
  const before = new Date(new Date(to).getTime() - 29 * dayMs).toISOString().slice(0, 10)
  const from = given.from !== undefined && given.from <= to ? given.from : before
  const isOther = (['from', 'to'] as const).some((name) => {
    const asked = query[name] ?? ''
    return asked !== '' && asked !== { from, to }[name]
  })
  return { days: { from, to }, period: { from: new Date(from), to: endOf(to) }, isOther }
}
