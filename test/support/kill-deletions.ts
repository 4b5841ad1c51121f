import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, vi } from 'vitest'
import { type OpenedVault, openLocalVault, type VaultFolders } from '../../src/adapters/local-vault.ts'
import { confirmRemoval } from '../../src/db/confirm-removal.ts'
import { requestDeletion } from '../../src/db/dataset-deletion.ts'
import { setMapping } from '../../src/db/dataset-mapping.ts'
import { findDeletion, unfinishedDeletions } from '../../src/db/deletions.ts'
import { keepRepairs } from '../../src/db/keep-repairs.ts'
import { requestSearch } from '../../src/db/subject-search.ts'
import { verifyVault } from '../../src/domain/vault/verify-vault.ts'
import { performDeletion } from '../../src/jobs/deletions.ts'
import type { TestDatabase } from './database.ts'
import { deletionDeps, subjectMapping } from './deletion-deps.ts'
import { problemsOf, rowsNaming } from './deletion-traces.ts'
import { callerOf, workshop } from './engine.ts'
import { type ParquetTalk, parquetOf } from './parquet-source.ts'
import { patiently } from './patience.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const deletionKinds = [
  'a dataset',
  'the records of a subject',
  'the records of a subject in Parquet',
] as const
export type DeletionKind = (typeof deletionKinds)[number]

/** A deletion that was asked for and not begun: a dataset with a run of its own and one together with another. */
export interface PreparedDeletion {
  readonly kind: DeletionKind
  readonly database: TestDatabase
  readonly folders: VaultFolders
  readonly deletionId: string
  readonly datasetId: string
  readonly other: string
  readonly runs: readonly string[]
  close(): Promise<void>
}

const subject = 'patient-4711'
const ada = callerOf('ada')
const talk = (patient: string, at: number): ParquetTalk => ({
  patient,
  conversations: [
    { from: 'human', value: `What about number ${at}, said ${patient}?` },
    { from: 'gpt', value: `Tell me more about number ${at}, as far as you like.` },
  ],
})
const line = (patient: string, at: number) => JSON.stringify(talk(patient, at))
/** Six records, the third of the subject, and one that is lost. */
const patients = [0, 1, 2, 3, 4, 5].map((at) => (at === 2 ? subject : `other-${at}`))
const sourceFor = (kind: DeletionKind): string | Uint8Array =>
  kind === 'the records of a subject in Parquet'
    ? parquetOf([...patients.map(talk), { patient: 'nobody', conversations: null }], 3)
    : `${[...patients.map(line), '{"patient": '].join('\n')}\n`
const mapping = subjectMapping

export async function prepareDeletion(kind: DeletionKind): Promise<PreparedDeletion> {
  const shop = await workshop()
  const deps = deletionDeps(shop)
  const engine = await shop.engine()
  const datasetId = await shop.dataset('ada', sourceFor(kind))
  await setMapping(shop.db, ada, datasetId, mapping, new Date())
  const other = await shop.dataset('ada', `${line('someone else', 1)}\n`)
  const alone = await shop.start(engine, 'ada', datasetId, { mode: 'sequential' })
  const together = await shop.start(engine, 'ada', datasetId, {}, { datasetIds: [datasetId, other] })
  for (const run of [alone, together]) expect(await shop.over(run)).toBe('completed')
  await keepRepairs(deps, ada, alone, datasetId, 'edited', [[6, line('other-6', 6)]])
  await engine.stop()
  let deletionId: string
  if (kind === 'a dataset') {
    const requested = await requestDeletion(deps, ada, datasetId)
    if (!requested.ok) throw new Error(requested.problem.message)
    deletionId = requested.value
  } else {
    deletionId = await requestSearch(deps, ada, subject)
    await performDeletion(deps, deletionId)
    expect(await confirmRemoval(deps, ada, deletionId)).toMatchObject({ ok: true })
  }
  return {
    kind,
    database: shop.database,
    folders: shop.vaultFolders,
    deletionId,
    datasetId,
    other,
    runs: [alone, together],
    close: () => shop.close(),
  }
}

/**
 * Works the deletion in a process that dies before its n-th step, then lets another go on.
 * @returns false when it was finished before that step
 */
export async function killDeletionAt(prepared: PreparedDeletion, killAt: number): Promise<boolean> {
  const folder = await temporaryFolder('deletion-killed')
  const folders = { keysFolder: join(folder, 'keys'), objectsFolder: join(folder, 'vault') }
  const database = await prepared.database.copy()
  try {
    await cp(prepared.folders.keysFolder, folders.keysFolder, { recursive: true, preserveTimestamps: true })
    await cp(prepared.folders.objectsFolder, folders.objectsFolder, {
      recursive: true,
      preserveTimestamps: true,
    })
    const { deletionId } = prepared
    const asked = JSON.stringify({ url: database.url, folders, deletionId, killAt })
    const child = spawn(process.execPath, [
      fileURLToPath(new URL('kill-deletion-child.mjs', import.meta.url)),
      asked,
    ])
    let said = ''
    child.stdout.on('data', (part) => {
      said += part
    })
    child.stderr.on('data', (part) => {
      said += part
    })
    const [code, signal] = await once(child, 'close')
    if (signal !== 'SIGKILL') {
      expect(code, said).toBe(0)
      expect(Number(said)).toBeLessThan(killAt)
      return false
    }
    const why = `${prepared.kind}, killed before step ${killAt}`
    const vault = await openLocalVault(folders)
    expect(await problemsOf({ db: database.db, vault }), why).toEqual([])
    const deps = deletionDeps({ db: database.db, vault })
    // As the portal asks again and again: the server may not have noticed yet that who held the lock is gone.
    await vi.waitFor(async () => {
      await performDeletion(deps, deletionId)
      expect(await unfinishedDeletions(database.db), why).toEqual([])
    }, patiently)
    await expectDone(prepared, database, vault, why)
    return true
  } finally {
    await database.drop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function expectDone(
  prepared: PreparedDeletion,
  database: TestDatabase,
  vault: OpenedVault,
  why: string,
): Promise<void> {
  const { kind, deletionId, datasetId, other, runs } = prepared
  const { db } = database
  const deletion = await findDeletion(db, { id: 'usr_ada', role: 'admin' }, deletionId)
  expect(deletion, why).toMatchObject({ status: 'done', problem: null })
  expect(await problemsOf({ db, vault }), why).toEqual([])
  const damaged: unknown[] = []
  await verifyVault(vault, undefined, { found: (damage) => damaged.push(damage), finished: () => {} })
  expect(damaged, why).toEqual([])
  if (kind === 'a dataset') {
    const named = await rowsNaming(database.adminUrl, [datasetId, ...runs])
    expect(Object.keys(named).toSorted(), why).toEqual([
      'audit.log',
      'deleted_objects',
      'deletion_datasets',
      'deletion_keys',
    ])
    expect(await vault.ownerIds(), why).not.toContain(datasetId)
    expect(await vault.ownerIds(), why).toContain(other)
    return
  }
  // Whatever of this dataset opens, does not hold the subject; the neighbours are all there.
  let texts = ''
  for await (const { id } of vault.list(datasetId)) {
    texts += Buffer.from(await vault.readBytes({ owner: datasetId, id, kind: 'source' })).toString()
  }
  expect(texts, why).not.toContain(subject)
  for (const at of [0, 1, 3, 4, 5, 6]) expect(texts, why).toContain(`other-${at}`)
  const copies = kind === 'the records of a subject in Parquet' ? 1 : 0
  expect(deletion?.datasets, why).toMatchObject([{ records: 1, filesAsJsonLines: copies }])
  expect(await vault.keyVersions(datasetId), why).toHaveLength(1)
  const stale = await db.selectFrom('runs').select('id').where('staleAt', 'is not', null).execute()
  expect(stale.map(({ id }) => id).toSorted(), why).toEqual([...runs].toSorted())
  const removed = await db.selectFrom('removedRecords').select('ordinal').execute()
  expect(removed, why).toEqual([{ ordinal: 2 }])
  const busy = await db.selectFrom('datasets').select('id').where('deletionId', 'is not', null).execute()
  expect(busy, why).toEqual([])
}
