import type { Kysely } from 'kysely'
import type { KeyKeeper } from '../domain/vault/key-state.ts'
import { type Vault, VaultError } from '../domain/vault/vault.ts'
import type { Database } from './schema.ts'

/** Keys that a deletion has still to destroy: runs' first, the dataset's own last. */
export const undestroyedKeys = (db: Kysely<Database>, deletionId: string, datasetId?: string) =>
  db
    .selectFrom('deletionKeys')
    .select(['keyOwner', 'kind', 'versions', 'newVersion'])
    .where('deletionId', '=', deletionId)
    .$if(datasetId !== undefined, (query) => query.where('datasetId', '=', datasetId ?? ''))
    .where('destroyedAt', 'is', null)
    .orderBy('kind', 'desc')
    .orderBy('keyOwner')
    .execute()

/**
 * Writes down, once, which versions of a key go and how many objects with them: afterwards nobody could count.
 * @param before only versions below this one, and what they seal
 */
export async function noteKey(
  {
    db,
    vault,
  }: {
    readonly db: Kysely<Database>
    readonly vault: Vault & Pick<KeyKeeper, 'keyVersions' | 'keyVersionOf'>
  },
  deletionId: string,
  keyOwner: string,
  before?: number,
): Promise<number[]> {
  const all = await vault.keyVersions(keyOwner)
  const versions = before === undefined ? all : all.filter((version) => version < before)
  let objects = 0
  for await (const { id } of vault.list(keyOwner)) {
    if (before === undefined || (await isBelow(vault, keyOwner, id, before))) objects++
  }
  await db
    .updateTable('deletionKeys')
    .set({ versions, objects })
    .where('deletionId', '=', deletionId)
    .where('keyOwner', '=', keyOwner)
    .where('versions', 'is', null)
    .execute()
  return versions
}

async function isBelow(
  vault: Pick<KeyKeeper, 'keyVersionOf'>,
  owner: string,
  id: string,
  before: number,
): Promise<boolean> {
  try {
    return (await vault.keyVersionOf(owner, id)) < before
  } catch (error) {
    // Swept meanwhile, or its closing row is damaged: then it is not known to stay either.
    if (error instanceof VaultError && error.failure !== 'sealed') return error.failure === 'damaged'
    throw error
  }
}
