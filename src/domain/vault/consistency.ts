import type { Stage } from '../pipeline/run.ts'
import { type RunBooks, wrongBooks } from './books.ts'
import {
  keyFailure,
  leaseStart,
  nothingSwept,
  type Pace,
  type Reference,
  type SweepTables,
  type SweepTotals,
  sweepUnnamed,
} from './sweep.ts'
import { VaultError, type VaultInventory } from './vault.ts'

/** What the tables know. Every answer is read afresh, and page by page. */
export interface VaultReferences extends SweepTables {
  books(): AsyncIterable<RunBooks>
  shardsWithoutResult(): AsyncIterable<{
    readonly runId: string
    readonly stage: Stage
    readonly index: number
  }>
}

export interface Remark {
  /** A note says what was done or is going on; only a problem means that something is wrong. */
  readonly level: 'problem' | 'note'
  readonly kind:
    | 'missing'
    | 'damaged'
    | 'wrong-size'
    | 'missing-key'
    | 'unusable-key'
    | 'orphan-key'
    | 'books'
    | 'no-result'
    | 'unreferenced'
    | 'deletion-unfinished'
  /** Ids, from the owner on. */
  readonly subject: string
  readonly says: string
}

export interface Totals extends SweepTotals {
  deletionsUnfinished: number
  problems: number
}

interface Check {
  readonly vault: VaultInventory
  readonly tables: VaultReferences
  readonly sweepBefore: Date
  readonly dryRun: boolean
  readonly pace: Pace
  readonly totals: Totals
  readonly tell: (remark: Remark) => void
}

/**
 * Compares vault and tables both ways and sweeps what no row names once it is older than the lease. Work may go on
 * meanwhile: an object is written before the row that names it and a key made before that of its owner, while a
 * deletion takes them before the rows. So each question reads first what is written last, and whatever looks wrong is
 * looked at once more before it is told.
 * @param settings.dryRun removes nothing and counts what would be swept
 */
export async function checkConsistency(
  ports: { readonly vault: VaultInventory; readonly tables: VaultReferences; readonly pace: Pace },
  settings: { readonly now: Date; readonly dryRun: boolean },
  tell: (remark: Remark) => void,
): Promise<Totals> {
  const { vault, tables } = ports
  const totals: Totals = { ...nothingSwept(), deletionsUnfinished: 0, problems: 0 }
  const check: Check = {
    ...ports,
    sweepBefore: leaseStart(settings.now),
    dryRun: settings.dryRun,
    totals,
    tell(remark) {
      if (remark.level === 'problem') totals.problems++
      tell(remark)
    },
  }
  const unknown = new Set<string>()
  for await (const { id } of vault.owners()) unknown.add(id)
  for await (const owner of tables.owners()) {
    unknown.delete(owner.id)
    if (owner.isBeingDeleted) await noteDeletion(check, owner.id)
    else if (await checkKey(check, owner.id)) {
      await checkNamed(check, owner.id)
      await sweepUnnamed(check, owner.id, (id) =>
        check.tell({
          level: 'note',
          kind: 'unreferenced',
          subject: `${owner.id} ${id}`,
          says: settings.dryRun ? 'would be swept' : 'swept',
        }),
      )
    }
  }
  if (unknown.size > 0) await checkOrphans(check, unknown)
  totals.temporary = settings.dryRun
    ? await vault.countTemporary(check.sweepBefore)
    : await vault.sweepTemporary(check.sweepBefore)
  for await (const books of tables.books()) {
    for (const { subject, says } of wrongBooks(books))
      check.tell({ level: 'problem', kind: 'books', subject, says })
  }
  for await (const { runId, stage, index } of tables.shardsWithoutResult()) {
    check.tell({
      level: 'problem',
      kind: 'no-result',
      subject: `${runId} ${stage} ${index}`,
      says: 'the shard is done and has no result',
    })
  }
  return totals
}

async function noteDeletion({ tables, totals, tell }: Check, owner: string): Promise<void> {
  if (!(await tables.owner(owner))?.isBeingDeleted) return
  totals.deletionsUnfinished++
  tell({
    level: 'note',
    kind: 'deletion-unfinished',
    subject: owner,
    says: 'deletion unfinished: the portal goes on with it',
  })
}

/** Whether the owner's objects can be looked at. */
async function checkKey({ vault, tables, tell }: Check, owner: string): Promise<boolean> {
  const failure = await keyFailure(vault, owner)
  if (failure === undefined) return true
  if (await isStanding(tables, owner)) {
    tell(
      failure === 'key-destroyed'
        ? { level: 'problem', kind: 'missing-key', subject: owner, says: 'its key is not in the vault' }
        : { level: 'problem', kind: 'unusable-key', subject: owner, says: 'its key does not open' },
    )
  }
  return false
}

/** How many objects are opened side by side. */
const opened = 32

/** Every object that a row names opens: it is there, whole, of the kind and the length the row says. */
async function checkNamed({ vault, tables, tell }: Check, owner: string): Promise<void> {
  const suspects = new Map<string, Reference>()
  for await (const group of inGroups(tables.references(owner), opened)) {
    const failures = await Promise.all(group.map((reference) => inspect(vault, owner, reference)))
    for (const [at, reference] of group.entries()) {
      if (failures[at] !== undefined) suspects.set(nameOf(reference), reference)
    }
  }
  if (suspects.size === 0) return
  const namedBy = new Map<string, Set<string>>()
  for await (const reference of tables.references(owner)) {
    const name = nameOf(reference)
    if (suspects.has(name)) namedBy.set(name, (namedBy.get(name) ?? new Set()).add(reference.table))
  }
  for (const [name, reference] of suspects) {
    const by = namedBy.get(name)
    if (by === undefined) continue
    const failure = await inspect(vault, owner, reference)
    if (failure === undefined || !(await isStanding(tables, owner))) continue
    const says = `named by ${[...by].join(', ')}${failure.says}`
    tell({ level: 'problem', kind: failure.kind, subject: `${owner} ${reference.id}`, says })
  }
}

const nameOf = ({ kind, id }: Reference): string => `${kind} ${id}`

async function inspect(
  vault: VaultInventory,
  owner: string,
  { id, kind, bytes }: Reference,
): Promise<{ readonly kind: Remark['kind']; readonly says: string } | undefined> {
  try {
    const object = await vault.open({ owner, id, kind })
    await object.close()
    if (bytes === undefined || object.size === bytes) return undefined
    return { kind: 'wrong-size', says: `: ${bytes} bytes there, ${object.size} in the vault` }
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    return { kind: error.failure === 'missing' ? 'missing' : 'damaged', says: '' }
  }
}

/** Keys and objects of nobody. Young ones are uploads, whose dataset gets its row when the last byte has come. */
async function checkOrphans({ vault, tables, totals, sweepBefore, tell }: Check, unknown: Set<string>) {
  for await (const { id, hasKey, objects, writtenAt } of vault.owners()) {
    if (!unknown.has(id)) continue
    totals.objects += objects
    if (writtenAt >= sweepBefore || (await tables.owner(id))) continue
    const says = `no dataset and no run has it: ${hasKey ? 'a key' : 'no key'}, ${objects} objects`
    tell({ level: 'problem', kind: 'orphan-key', subject: id, says })
  }
}

async function isStanding(tables: VaultReferences, owner: string): Promise<boolean> {
  const found = await tables.owner(owner)
  return found !== undefined && !found.isBeingDeleted
}

async function* inGroups<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let group: T[] = []
  for await (const item of items) {
    group.push(item)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

/** e.g. `missing  ds_… file_…  named by dataset_files` */
export const remarkLine = ({ kind, subject, says }: Remark): string => `${kind}  ${subject}  ${says}`

/** e.g. `412 objects, 3 unreferenced (2 young, 1 swept), 0 problems` */
export function summaryLine(totals: Totals, dryRun: boolean): string {
  const done = dryRun ? 'to sweep' : 'swept'
  const held = totals.held > 0 ? `${totals.held} held, ` : ''
  return [
    `${totals.objects} objects`,
    `${totals.unreferenced} unreferenced (${totals.young} young, ${held}${totals.swept} ${done})`,
    ...(totals.temporary > 0 ? [`${totals.temporary} temporary ${done}`] : []),
    ...(totals.deletionsUnfinished > 0 ? [`${totals.deletionsUnfinished} deletions unfinished`] : []),
    `${totals.problems} problems`,
  ].join(', ')
}
