import { z } from 'zod'
import { ok, type Result, refuse } from '../result.ts'

const mostDays = 36_500
const Days = z.preprocess(
  // Not what else JavaScript takes for a number: 0x10, 1e2.
  (value) => (typeof value === 'string' && !/^\s*-?\d+(\.\d+)?\s*$/.test(value) ? Number.NaN : value),
  z.coerce
    .number('Give a number of days.')
    .int('Give whole days.')
    .min(1, 'Keep it for at least one day.')
    .max(mostDays, `Keep it for at most ${mostDays.toLocaleString('en')} days, or forever.`),
)

/** How long a dataset is kept. */
export const RetentionRule = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('forever') }),
  z.strictObject({ kind: z.literal('after-upload'), days: Days }),
  /** Without any run: after the upload. */
  z.strictObject({ kind: z.literal('after-last-run'), days: Days }),
  z.strictObject({ kind: z.literal('until'), until: z.date() }),
])
export type RetentionRule = z.infer<typeof RetentionRule>

/** What holds where a dataset has no rule of its own, and what no rule exceeds. */
export const RetentionSettings = z.strictObject({
  rule: z.discriminatedUnion('kind', [
    RetentionRule.options[0],
    RetentionRule.options[1],
    RetentionRule.options[2],
  ]),
  /** Days after the upload; undefined: none. */
  maximumDays: Days.optional(),
})
export interface RetentionSettings extends z.infer<typeof RetentionSettings> {
  readonly changedAt: Date
}

/** What a rule is applied to. */
export interface Kept {
  readonly uploadedAt: Date
  readonly lastRunAt: Date | null
  /** Its own rule and since when; undefined: the default. */
  readonly own: { readonly rule: RetentionRule; readonly setAt: Date } | undefined
  /** When its own rule was taken away, so that the default holds; null: it never had one. */
  readonly defaultSince: Date | null
  readonly isHeld: boolean
  /** When a legal hold on it was lifted last; null: never. */
  readonly releasedAt: Date | null
}

/** When a dataset goes, and by what. */
export interface Due {
  readonly at: Date
  readonly because: 'own' | 'default' | 'maximum'
}

/** So long before a dataset goes its pages and the overview say so. */
const warningDays = 14
const day = 86_400_000
const dayOf = (date: Date): string => date.toISOString().slice(0, 10)
const after = (date: Date, days: number) => new Date(date.getTime() + days * day)

/**
 * When a dataset is due by its own rule or the default, and at the latest by the maximum; undefined: never, or while it
 * is held. A rule that came into force when what it counts from was long past gives its warning time first, and so does
 * a hold that was lifted: nothing is deleted that nobody was warned about.
 */
export function dueAt(kept: Kept, settings: RetentionSettings): Due | undefined {
  if (kept.isHeld) return undefined
  const { rule, setAt } = kept.own ?? {
    rule: settings.rule,
    setAt: later(settings.changedAt, kept.defaultSince),
  }
  const ruled = released(ruledAt(rule, setAt, kept), kept)
  const most =
    settings.maximumDays === undefined
      ? undefined
      : released(counted(kept.uploadedAt, settings.maximumDays, settings.changedAt), kept)
  if (most !== undefined && (ruled === undefined || most < ruled)) return { at: most, because: 'maximum' }
  return ruled === undefined ? undefined : { at: ruled, because: kept.own === undefined ? 'default' : 'own' }
}

function ruledAt(rule: RetentionRule, setAt: Date, kept: Kept): Date | undefined {
  switch (rule.kind) {
    case 'forever':
      return undefined
    case 'until':
      return rule.until
    case 'after-upload':
      return counted(kept.uploadedAt, rule.days, setAt)
    case 'after-last-run':
      return counted(kept.lastRunAt ?? kept.uploadedAt, rule.days, setAt)
  }
}

function counted(from: Date, days: number, inForceSince: Date): Date {
  const due = after(from, days)
  const warned = after(inForceSince, warningDays)
  return inForceSince > after(from, 1) && due < warned ? warned : due
}

const later = (date: Date, other: Date | null): Date => (other !== null && other > date ? other : date)

/** While it was held nobody was warned. */
const released = <At extends Date | undefined>(due: At, { releasedAt }: Kept): At | Date =>
  due !== undefined && releasedAt !== null ? later(due, after(releasedAt, warningDays)) : due

/** Whether it is time to warn. */
export const isNear = (due: Due | undefined, now: Date): due is Due =>
  due !== undefined && due.at <= after(now, warningDays)

/** A rule as a form says it; a day has to lie as far ahead as a warning is given. */
export function readRule(
  form: { readonly kind: string; readonly days: string; readonly until: string },
  now: Date,
): Result<RetentionRule> {
  if (form.kind === 'until') {
    if (!/^\d{4}-\d\d-\d\d$/.test(form.until)) return refuse('invalid', 'Choose a day.', 'until')
    const until = new Date(`${form.until}T00:00:00Z`)
    // The 30th of February is read as the 2nd of March.
    if (Number.isNaN(until.getTime()) || dayOf(until) !== form.until)
      return refuse('invalid', 'There is no such day. Choose another.', 'until')
    const soonest = after(now, warningDays)
    if (until < soonest) {
      const first = dayOf(new Date(Math.ceil(soonest.getTime() / day) * day))
      return refuse(
        'invalid',
        `Choose ${first} or a later day: people are warned for ${warningDays} days, and days begin at midnight UTC.`,
        'until',
      )
    }
    return ok({ kind: 'until', until })
  }
  const rule = RetentionRule.safeParse(
    form.kind === 'forever' ? { kind: 'forever' } : { kind: form.kind, days: form.days },
  )
  if (rule.success) return ok(rule.data)
  const [issue] = rule.error.issues
  return issue?.path[0] === 'days'
    ? refuse('invalid', issue.message, 'days')
    : refuse('invalid', 'Choose how long it is kept.', 'kind')
}

/** The settings as their form says them. */
export function readSettings(form: {
  readonly kind: string
  readonly days: string
  readonly maximumDays: string
}): Result<z.infer<typeof RetentionSettings>> {
  const rule = form.kind === 'forever' ? { kind: 'forever' } : { kind: form.kind, days: form.days }
  const settings = RetentionSettings.safeParse({
    rule,
    ...(form.maximumDays.trim() === '' ? {} : { maximumDays: form.maximumDays }),
  })
  if (settings.success) return ok(settings.data)
  const [issue] = settings.error.issues
  const field = issue?.path.at(-1)
  return field === 'days' || field === 'maximumDays'
    ? refuse('invalid', issue?.message ?? '', field)
    : refuse('invalid', 'Choose how long datasets are kept.', 'kind')
}
