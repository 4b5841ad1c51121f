import { type Kysely, sql } from 'kysely'
import type { z } from 'zod'
import type { Caller } from '../domain/audit/entry.ts'
import type { Viewer } from '../domain/datasets/access.ts'
import {
  type Due,
  dueAt,
  isNear,
  type Kept,
  RetentionRule,
  type RetentionSettings,
  type RetentionSettings as Settings,
} from '../domain/deletion/retention.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'
import { visibleTo } from './visibility.ts'

interface Deps {
  readonly db: Kysely<Database>
  readonly clock: () => Date
}

/** What holds for all datasets; before anybody said: forever, without a maximum. */
export async function readSettings(db: Kysely<Database>): Promise<Settings> {
  const row = await db.selectFrom('retentionSettings').selectAll().executeTakeFirst()
  if (row === undefined) return { rule: { kind: 'forever' }, changedAt: new Date(0) }
  const { defaultKind, defaultDays, maximumDays, changedAt } = row
  return {
    rule: defaultKind === 'forever' ? { kind: 'forever' } : { kind: defaultKind, days: defaultDays ?? 1 },
    ...(maximumDays === null ? {} : { maximumDays }),
    changedAt,
  }
}

/** Changes what holds for all datasets, with its audit entry. */
export async function saveSettings(
  { db, clock }: Deps,
  caller: Caller,
  settings: z.infer<typeof RetentionSettings>,
): Promise<void> {
  const { rule, maximumDays } = settings
  const row = {
    defaultKind: rule.kind,
    defaultDays: rule.kind === 'forever' ? null : rule.days,
    maximumDays: maximumDays ?? null,
    changedAt: clock(),
  }
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto('retentionSettings')
      .values(row)
      .onConflict((conflict) => conflict.column('onlyOne').doUpdateSet(row))
      .execute()
    await recordAudit(trx, caller, {
      action: 'retention.update',
      objectType: 'system',
      objectId: 'retention',
      outcome: 'allowed',
      details: { kind: row.defaultKind, days: row.defaultDays, maximumDays: row.maximumDays },
    })
  })
}

/** Gives a dataset a rule of its own (undefined: the default again), with its audit entry. */
export function saveRule(
  { db, clock }: Deps,
  caller: Caller,
  datasetId: string,
  rule: RetentionRule | undefined,
): Promise<Result<void>> {
  return db.transaction().execute(async (trx) => {
    const days = rule !== undefined && 'days' in rule ? rule.days : null
    const until = rule?.kind === 'until' ? rule.until : null
    const changed = await trx
      .updateTable('datasets')
      .set({
        retentionKind: rule?.kind ?? null,
        retentionDays: days,
        retentionUntil: until,
        // Also without a rule: since then the default holds.
        retentionSetAt: clock(),
      })
      .where('id', '=', datasetId)
      .where('status', '=', 'ready')
      .returning('id')
      .executeTakeFirst()
    if (changed === undefined) return refuse('not-found', 'There is no such dataset (any more).')
    await recordAudit(trx, caller, {
      action: 'dataset.retention',
      objectType: 'dataset',
      objectId: datasetId,
      outcome: 'allowed',
      details: { kind: rule?.kind ?? 'default', days, until: until?.toISOString() ?? null },
    })
    return ok(undefined)
  })
}

/** Puts a dataset under a legal hold or lifts it; as it is already, it stays. */
export function setHold(
  { db, clock }: Deps,
  caller: Caller,
  datasetId: string,
  isHeld: boolean,
): Promise<Result<void>> {
  return db.transaction().execute(async (trx) => {
    const dataset = await trx
      .selectFrom('datasets')
      .select(['heldAt', 'deletionId'])
      .where('id', '=', datasetId)
      .where('status', '=', 'ready')
      .forUpdate()
      .executeTakeFirst()
    if (dataset === undefined) return refuse('not-found', 'There is no such dataset (any more).')
    if ((dataset.heldAt !== null) === isHeld) return ok(undefined)
    // A hold promises that nothing goes: confirmed, a removal goes on to its end.
    if (isHeld && dataset.deletionId !== null) return refuse('conflict', beingRemoved)
    await trx
      .updateTable('datasets')
      .set(
        isHeld
          ? { heldAt: clock(), heldBy: caller.actor.id }
          : { heldAt: null, heldBy: null, releasedAt: clock() },
      )
      .where('id', '=', datasetId)
      .execute()
    await recordAudit(trx, caller, {
      action: isHeld ? 'dataset.hold' : 'dataset.hold-removal',
      objectType: 'dataset',
      objectId: datasetId,
      outcome: 'allowed',
      details: {},
    })
    return ok(undefined)
  })
}

const beingRemoved =
  'Records of someone are being removed from this dataset right now, which a hold would not stop. Wait for the end of that, then try again.'

/** How long a dataset is kept, as its page shows it. */
export interface DatasetRetention {
  readonly rule: RetentionRule | undefined
  readonly settings: Settings
  readonly due: Due | undefined
  readonly held: { readonly at: Date; readonly by: string } | undefined
}

export async function readRetention(db: Kysely<Database>, datasetId: string): Promise<DatasetRetention> {
  const [settings, row] = await Promise.all([
    readSettings(db),
    kept(db)
      .leftJoin('users', 'users.id', 'datasets.heldBy')
      .select('users.name as heldByName')
      .where('datasets.id', '=', datasetId)
      .executeTakeFirstOrThrow(),
  ])
  const asked = asKept(row)
  return {
    rule: asked.own?.rule,
    settings,
    due: dueAt(asked, settings),
    held: row.heldAt === null ? undefined : { at: row.heldAt, by: row.heldByName ?? '' },
  }
}

export interface DueDataset {
  readonly id: string
  readonly name: string
  readonly due: Due
}

/** Datasets of the viewer that go within the time of the warning, the first first. */
export async function listNear(
  db: Kysely<Database>,
  viewer: Viewer,
  now: Date,
  limit: number,
): Promise<DueDataset[]> {
  const settings = await readSettings(db)
  const rows = await ruled(db, settings).where(visibleTo(viewer, 'datasets.ownerId')).execute()
  return rows
    .flatMap((row) => {
      const due = dueAt(asKept(row), settings)
      return isNear(due, now) ? [{ id: row.id, name: row.name, due }] : []
    })
    .toSorted((one, other) => one.due.at.getTime() - other.due.at.getTime())
    .slice(0, limit)
}

/** Ids of datasets whose time is up. */
export async function listDue(db: Kysely<Database>, now: Date): Promise<string[]> {
  const settings = await readSettings(db)
  const rows = await ruled(db, settings).execute()
  return rows.flatMap((row) => {
    const due = dueAt(asKept(row), settings)
    return due !== undefined && due.at <= now ? [row.id] : []
  })
}

/** Whether a dataset's time is up, looked at once more before it goes. */
export async function isDue(db: Kysely<Database>, datasetId: string, now: Date): Promise<boolean> {
  const row = await kept(db).where('datasets.id', '=', datasetId).executeTakeFirst()
  if (row === undefined) return false
  const due = dueAt(asKept(row), await readSettings(db))
  return due !== undefined && due.at <= now
}

const kept = (db: Kysely<Database>) =>
  db
    .selectFrom('datasets')
    .select([
      'datasets.id',
      'datasets.name',
      'datasets.createdAt',
      'retentionKind',
      'retentionDays',
      'retentionUntil',
      'retentionSetAt',
      'heldAt',
      'releasedAt',
      sql<Date | null>`(
        select max(coalesce(runs.finished_at, runs.created_at)) from runs join run_inputs on run_inputs.run_id = runs.id
        where run_inputs.dataset_id = datasets.id)`.as('lastRunAt'),
    ])
    .where('datasets.status', '=', 'ready')

/** Those that may be due at all: where everything is kept forever, nothing is read. */
const ruled = (db: Kysely<Database>, { rule, maximumDays }: Settings) =>
  kept(db)
    .where('heldAt', 'is', null)
    .$if(maximumDays === undefined, (query) =>
      rule.kind === 'forever'
        ? query.where('retentionKind', '<>', 'forever')
        : query.where((eb) => eb.or([eb('retentionKind', 'is', null), eb('retentionKind', '<>', 'forever')])),
    )

type KeptRow = Awaited<ReturnType<ReturnType<typeof kept>['executeTakeFirstOrThrow']>>

const asKept = (row: KeptRow): Kept => ({
  uploadedAt: row.createdAt,
  lastRunAt: row.lastRunAt,
  own:
    row.retentionKind === null || row.retentionSetAt === null
      ? undefined
      : { rule: ruleOf(row), setAt: row.retentionSetAt },
  defaultSince: row.retentionKind === null ? row.retentionSetAt : null,
  isHeld: row.heldAt !== null,
  releasedAt: row.releasedAt,
})

const ruleOf = ({
  retentionKind: kind,
  retentionDays: days,
  retentionUntil: until,
}: KeptRow): RetentionRule =>
  RetentionRule.parse({
    kind,
    ...(days === null ? {} : { days }),
    ...(until === null ? {} : { until }),
  })
