import { type RunStatus, type Stage, stages } from '../pipeline/run.ts'
import { type ObjectKind, VaultError, type VaultInventory } from './vault.ts'

/** An object that no row names yet may belong to work that goes on, for as long as this. */
export const leaseMinutes = 60

/** A row that names an object. */
export interface Reference {
  readonly id: string
  readonly kind: ObjectKind
  readonly table: string
  /** Plaintext length, where the row tells it. */
  readonly bytes?: number
}

/** A dataset or run whose key the vault must hold. */
export interface KnownOwner {
  readonly id: string
  /** The dataset, or one the run goes over: its key and objects may be gone before its rows. */
  readonly isBeingDeleted: boolean
}

/** The ledger of a run as one moment saw it, with what the rows of `quarantine` and of reasons sum to. */
export interface RunBooks {
  readonly runId: string
  readonly status: RunStatus
  readonly units: { readonly in: number; readonly grouped: number; readonly quarantined: number }
  readonly stages: readonly {
    readonly stage: Stage
    readonly in: number
    readonly out: number
    readonly quarantined: number
    readonly rejected: number
    readonly duplicate: number
    readonly reasons: number
    readonly quarantineRows: number
  }[]
}

/** What the tables know. Every answer is read afresh, and page by page. */
export interface VaultReferences {
  owners(): AsyncIterable<KnownOwner>
  owner(id: string): Promise<KnownOwner | undefined>
  references(owner: string): AsyncIterable<Reference>
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

export interface Totals {
  objects: number
  /** Objects that no row names: the young ones stay, the others were swept (or would be). */
  unreferenced: number
  young: number
  swept: number
  /** Half-written files older than the lease that were swept (or would be). */
  temporary: number
  deletionsUnfinished: number
  problems: number
}

interface Check {
  readonly vault: VaultInventory
  readonly tables: VaultReferences
  readonly sweepBefore: Date
  readonly dryRun: boolean
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
  ports: { readonly vault: VaultInventory; readonly tables: VaultReferences },
  settings: { readonly now: Date; readonly dryRun: boolean },
  tell: (remark: Remark) => void,
): Promise<Totals> {
  const { vault, tables } = ports
  const totals: Totals = {
    objects: 0,
    unreferenced: 0,
    young: 0,
    swept: 0,
    temporary: 0,
    deletionsUnfinished: 0,
    problems: 0,
  }
  const check: Check = {
    ...ports,
    sweepBefore: new Date(settings.now.getTime() - leaseMinutes * 60_000),
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
      await sweepUnnamed(check, owner.id)
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
    says: 'deletion unfinished: the next start of the portal goes on with it',
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

async function keyFailure(vault: VaultInventory, owner: string): Promise<string | undefined> {
  try {
    await vault.deriveKey(owner, 'consistency')
    return undefined
  } catch (error) {
    if (error instanceof VaultError) return error.failure
    // A key file that is cut is no JSON any more.
    if (error instanceof SyntaxError) return 'damaged'
    throw error
  }
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

/** Removes the objects no row names, unless they are young. */
async function sweepUnnamed(check: Check, owner: string): Promise<void> {
  const { vault, tables, totals, dryRun } = check
  const unnamed = new Map<string, Date>()
  for await (const { id, storedAt } of vault.list(owner)) unnamed.set(id, storedAt)
  totals.objects += unnamed.size
  for (let look = 1; look <= 2 && unnamed.size > 0; look++) {
    for await (const { id } of tables.references(owner)) unnamed.delete(id)
  }
  totals.unreferenced += unnamed.size
  for (const [id, storedAt] of unnamed) {
    if (storedAt >= check.sweepBefore) {
      totals.young++
      continue
    }
    // The kind is not part of where it lies.
    if (!dryRun) await vault.remove({ owner, id, kind: 'shard' })
    totals.swept++
    const says = dryRun ? 'would be swept' : 'swept'
    check.tell({ level: 'note', kind: 'unreferenced', subject: `${owner} ${id}`, says })
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

/** What is wrong in the books of a run. Only a completed one must balance, but quarantine is exact at any moment. */
export function wrongBooks({
  runId,
  status,
  units,
  stages: rows,
}: RunBooks): Pick<Remark, 'subject' | 'says'>[] {
  const wrong: Pick<Remark, 'subject' | 'says'>[] = []
  for (const row of rows) {
    if (row.quarantineRows === row.quarantined) continue
    const says = `${row.quarantined} quarantined by its ledger, ${row.quarantineRows} rows in quarantine`
    wrong.push({ subject: `${runId} ${row.stage}`, says })
  }
  if (status !== 'completed') return wrong
  for (const [position, stage] of stages.entries()) {
    const subject = `${runId} ${stage}`
    const row = rows.find((candidate) => candidate.stage === stage)
    if (row === undefined) {
      wrong.push({ subject, says: 'has no row in the ledger' })
      continue
    }
    const lost = row.quarantined + row.rejected + row.duplicate
    if (row.in !== row.out + lost) {
      const sum = `${row.out} out, ${row.quarantined} quarantined, ${row.rejected} rejected, ${row.duplicate} duplicate`
      wrong.push({ subject, says: `${row.in} in, but ${sum}` })
    }
    if (row.reasons !== row.in - row.out) {
      wrong.push({
        subject,
        says: `${row.in - row.out} did not come out, but its reasons say ${row.reasons}`,
      })
    }
    const before = rows.find((candidate) => candidate.stage === stages[position - 1])
    if (before && before.out !== row.in) {
      wrong.push({ subject, says: `${row.in} in, but ${before.out} came out of ${before.stage}` })
    }
  }
  if (units.in !== units.grouped + units.quarantined) {
    const sum = `${units.grouped} grouped, ${units.quarantined} quarantined`
    wrong.push({ subject: runId, says: `${units.in} source units, but ${sum}` })
  }
  return wrong
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
  return [
    `${totals.objects} objects`,
    `${totals.unreferenced} unreferenced (${totals.young} young, ${totals.swept} ${done})`,
    ...(totals.temporary > 0 ? [`${totals.temporary} temporary ${done}`] : []),
    ...(totals.deletionsUnfinished > 0 ? [`${totals.deletionsUnfinished} deletions unfinished`] : []),
    `${totals.problems} problems`,
  ].join(', ')
}
