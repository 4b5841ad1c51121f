import { describe, expect, test } from 'vitest'
import { stages } from '../../../src/domain/pipeline/run.ts'
import { type RunBooks, wrongBooks } from '../../../src/domain/vault/books.ts'
import {
  checkConsistency,
  type Remark,
  remarkLine,
  summaryLine,
  type VaultReferences,
} from '../../../src/domain/vault/consistency.ts'
import { type KnownOwner, type Reference, sweepVault } from '../../../src/domain/vault/sweep.ts'
import { VaultError, type VaultInventory } from '../../../src/domain/vault/vault.ts'

const now = new Date('2026-05-01T12:00:00Z')
const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000)

interface Held {
  readonly bytes?: number
  readonly storedAt?: Date
  readonly damaged?: boolean
}

interface Tables {
  owners: KnownOwner[]
  references: Reference[]
  attempts: string[]
}

/**
 * A vault and tables in memory; `whileLooking` changes them when the vault was asked for an object, `whileResting` when
 * attempts are waited for.
 */
function world({
  keys = ['ds_1'],
  objects = {},
  owners = [{ id: 'ds_1', isBeingDeleted: false }],
  references = [],
  books = [],
  attempts = [],
  whileLooking = () => {},
  whileResting = () => {},
}: {
  keys?: string[]
  objects?: Record<string, Held>
  owners?: KnownOwner[]
  references?: Reference[]
  books?: RunBooks[]
  attempts?: string[]
  whileLooking?: (tables: Tables) => void
  whileResting?: (tables: Tables) => void
}) {
  const held = new Map(Object.entries(objects))
  const tables: Tables = { owners: [...owners], references: [...references], attempts: [...attempts] }
  const removed: string[] = []
  const never = async (): Promise<never> => {
    throw new Error('not asked for')
  }
  const vault: VaultInventory = {
    createKey: never,
    destroyKey: never,
    write: never,
    writeBytes: never,
    readBytes: never,
    async deriveKey(owner) {
      if (!keys.includes(owner)) throw new VaultError('key-destroyed', 'no key')
      return new Uint8Array(32)
    },
    async open({ owner, id }) {
      const found = held.get(`${owner}/${id}`)
      whileLooking(tables)
      if (!found) throw new VaultError('missing', 'no object')
      if (found.damaged) throw new VaultError('damaged', 'cut')
      return {
        size: found.bytes ?? 1,
        slice: never,
        async *stream() {},
        close: async () => {},
      }
    },
    async remove({ owner, id }) {
      held.delete(`${owner}/${id}`)
      removed.push(id)
    },
    async *list(owner) {
      for (const [path, { storedAt = ago(600) }] of held) {
        if (path.startsWith(`${owner}/`)) {
          yield { id: path.slice(owner.length + 1), storedBytes: 1, storedAt }
        }
      }
    },
    async *owners() {
      const ids = new Set([...keys, ...[...held.keys()].map((path) => path.slice(0, path.indexOf('/')))])
      for (const id of ids) {
        const own = [...held].filter(([path]) => path.startsWith(`${id}/`))
        const writtenAt = own[0]?.[1].storedAt ?? ago(600)
        yield { id, hasKey: keys.includes(id), objects: own.length, writtenAt }
      }
    },
    sweepTemporary: async () => 0,
    countTemporary: async () => 0,
  }
  const asked: VaultReferences = {
    async *owners() {
      yield* [...tables.owners]
    },
    owner: async (id) => tables.owners.find((owner) => owner.id === id),
    async *references(owner) {
      if (owner === 'ds_1') yield* [...tables.references]
    },
    attempts: async () => [...tables.attempts],
    async *books() {
      yield* books
    },
    async *shardsWithoutResult() {},
  }
  const pace = { step: async () => {}, rest: async () => whileResting(tables) }
  return {
    removed,
    sweep: () => sweepVault({ vault, tables: asked, pace }, now),
    async check(dryRun = false) {
      const remarks: Remark[] = []
      const totals = await checkConsistency(
        { vault, tables: asked, pace },
        { now, dryRun },
        (remark) => void remarks.push(remark),
      )
      return { totals, lines: remarks.map(remarkLine), summary: summaryLine(totals, dryRun) }
    },
  }
}

const file: Reference = { id: 'file_1', kind: 'source', table: 'dataset_files', bytes: 5 }

describe('comparing vault and tables', () => {
  test('finds nothing where every object is named and every name has its object', async () => {
    const { lines, summary } = await world({
      objects: { 'ds_1/file_1': { bytes: 5 } },
      references: [file],
    }).check()
    expect(lines).toEqual([])
    expect(summary).toBe('1 objects, 0 unreferenced (0 young, 0 swept), 0 problems')
  })

  test('names a missing object once, with everything that names it', async () => {
    const shard = { id: 'run_1/processing/000000.1', kind: 'shard' } as const
    const { lines, totals } = await world({
      references: [
        { ...shard, table: 'shards' },
        { ...shard, table: 'shard_results' },
      ],
    }).check()
    expect(lines).toEqual(['missing  ds_1 run_1/processing/000000.1  named by shards, shard_results'])
    expect(totals.problems).toBe(1)
  })

  test('tells a damaged object and one of another length', async () => {
    const { lines } = await world({
      objects: { 'ds_1/file_1': { bytes: 4 }, 'ds_1/file_2': { damaged: true } },
      references: [file, { ...file, id: 'file_2' }],
    }).check()
    expect(lines).toEqual([
      'wrong-size  ds_1 file_1  named by dataset_files: 5 bytes there, 4 in the vault',
      'damaged  ds_1 file_2  named by dataset_files',
    ])
  })

  test('says nothing of an object whose row went while it was looked for', async () => {
    const { lines } = await world({
      references: [file],
      whileLooking: (tables) => void tables.references.splice(0),
    }).check()
    expect(lines).toEqual([])
  })

  test('says nothing of a dataset whose deletion began meanwhile', async () => {
    const { lines } = await world({
      references: [file],
      whileLooking: (tables) => void tables.owners.splice(0, 1, { id: 'ds_1', isBeingDeleted: true }),
    }).check()
    expect(lines).toEqual([])
  })

  test('leaves young objects alone and sweeps the others', async () => {
    const { check, removed } = world({
      objects: { 'ds_1/young': { storedAt: ago(59) }, 'ds_1/old': { storedAt: ago(61) } },
    })
    const { lines, summary } = await check()
    expect(removed).toEqual(['old'])
    expect(lines).toEqual(['unreferenced  ds_1 old  swept'])
    expect(summary).toBe('2 objects, 2 unreferenced (1 young, 1 swept), 0 problems')
  })

  test('removes nothing in a dry run', async () => {
    const { check, removed } = world({ objects: { 'ds_1/old': {} } })
    const { lines, summary } = await check(true)
    expect(removed).toEqual([])
    expect(lines).toEqual(['unreferenced  ds_1 old  would be swept'])
    expect(summary).toBe('1 objects, 1 unreferenced (0 young, 1 to sweep), 0 problems')
  })

  test('skips what is being deleted, and says so without calling it wrong', async () => {
    const { lines, totals } = await world({
      keys: [],
      objects: { 'ds_1/left': {} },
      owners: [{ id: 'ds_1', isBeingDeleted: true }],
      references: [file],
    }).check()
    expect(lines).toEqual(['deletion-unfinished  ds_1  deletion unfinished: the portal goes on with it'])
    expect(totals).toMatchObject({ problems: 0, deletionsUnfinished: 1, swept: 0 })
  })

  test('names a dataset without its key once, and not its objects', async () => {
    const { lines } = await world({ keys: [], references: [file] }).check()
    expect(lines).toEqual(['missing-key  ds_1  its key is not in the vault'])
  })

  test('names keys and objects of nobody, unless an upload may still make them known', async () => {
    const { lines, totals } = await world({
      keys: ['ds_1', 'ds_7'],
      objects: { 'ds_8/file_1': {}, 'ds_9/file_1': { storedAt: ago(5) } },
    }).check()
    expect(lines).toEqual([
      'orphan-key  ds_7  no dataset and no run has it: a key, 0 objects',
      'orphan-key  ds_8  no dataset and no run has it: no key, 1 objects',
    ])
    expect(totals.problems).toBe(2)
  })
})

describe('sweeping', () => {
  const left: Held = { storedAt: ago(600) }
  const named: Reference = { id: 'left', kind: 'shard', table: 'shards' }

  test('removes what the check would remove, and compares nothing', async () => {
    const { sweep, removed } = world({
      objects: { 'ds_1/left': left, 'ds_1/young': { storedAt: ago(1) }, 'ds_9/nobody': left },
      references: [file],
    })
    expect(await sweep()).toMatchObject({ objects: 2, unreferenced: 2, young: 1, held: 0, swept: 1 })
    expect(removed).toEqual(['left'])
  })

  test('leaves alone what is being deleted and what has no key', async () => {
    const owners = [
      { id: 'ds_1', isBeingDeleted: true },
      { id: 'ds_2', isBeingDeleted: false },
    ]
    const { sweep, removed } = world({ objects: { 'ds_1/left': left, 'ds_2/left': left }, owners })
    expect(await sweep()).toMatchObject({ objects: 0, swept: 0 })
    expect(removed).toEqual([])
  })

  test('waits for the attempts at work: one of them may name an object it took over', async () => {
    const { sweep, removed } = world({
      objects: { 'ds_1/left': left, 'ds_1/other': left },
      attempts: ['run_2 standardization 0 1'],
      whileResting(tables) {
        tables.attempts = ['run_2 standardization 1 1']
        tables.references.push(named)
      },
    })
    expect(await sweep()).toMatchObject({ unreferenced: 1, swept: 1 })
    expect(removed).toEqual(['other'])
  })

  test('waits for nobody where only young objects have no name', async () => {
    const { sweep } = world({
      objects: { 'ds_1/young': { storedAt: ago(1) } },
      attempts: ['run_2 export 0 1'],
      whileResting: () => {
        throw new Error('rested')
      },
    })
    expect(await sweep()).toMatchObject({ unreferenced: 1, young: 1 })
  })

  test('leaves everything for the next time when an attempt does not end', async () => {
    const { sweep, check, removed } = world({
      objects: { 'ds_1/left': left },
      attempts: ['run_2 standardization 0 1'],
    })
    expect(await sweep()).toMatchObject({ unreferenced: 1, held: 1, swept: 0 })
    expect(removed).toEqual([])
    const { summary, lines } = await check()
    expect([summary, lines]).toEqual(['1 objects, 1 unreferenced (0 young, 1 held, 0 swept), 0 problems', []])
  })
})

describe('the books of a run', () => {
  const row = { in: 4, out: 4, quarantined: 0, rejected: 0, duplicate: 0, reasons: 0, quarantineRows: 0 }
  const balanced: RunBooks = {
    runId: 'run_1',
    status: 'completed',
    units: { in: 4, grouped: 4, quarantined: 0 },
    stages: stages.map((stage) => ({ stage, ...row })),
  }
  const changed = (stage: string, change: Partial<typeof row>): RunBooks => ({
    ...balanced,
    stages: balanced.stages.map((each) => (each.stage === stage ? { ...each, ...change } : each)),
  })
  const says = (books: RunBooks) => wrongBooks(books).map((wrong) => `${wrong.subject}: ${wrong.says}`)

  test('balance', () => expect(says(balanced)).toEqual([]))

  test.each([
    [
      'a stage that does not sum',
      changed('export', { out: 3, reasons: 1 }),
      'run_1 export: took in 4 records and accounts for 3',
    ],
    [
      'reasons that do not sum',
      changed('export', { out: 3, rejected: 1 }),
      'run_1 export: held back 1 records and has reasons for 0',
    ],
    [
      'a stage that takes in something else than came out of the one before',
      changed('export', { in: 3, out: 3 }),
      'run_1 export: took in 3 records and quality gave out 4',
    ],
    [
      'fewer rows in quarantine than the ledger says',
      changed('export', { out: 3, quarantined: 1, reasons: 1 }),
      'run_1 export: 1 quarantined by its ledger, 0 rows in quarantine',
    ],
    [
      'source units that are lost',
      { ...balanced, units: { in: 5, grouped: 4, quarantined: 0 } },
      'run_1: 5 source units were read and 4 are accounted for',
    ],
    [
      'a stage without a row',
      { ...balanced, stages: balanced.stages.slice(0, 5) },
      'run_1 export: has no row in the ledger',
    ],
  ])('name %s', (_, books, line) => expect(says(books)).toEqual([line]))

  test('of a run that goes on need not balance, but its quarantine is exact', () => {
    const books = changed('export', { out: 1, quarantined: 2, quarantineRows: 1 })
    expect(says({ ...books, status: 'running' })).toEqual([
      'run_1 export: 2 quarantined by its ledger, 1 rows in quarantine',
    ])
  })
})
