import { z } from 'zod'
import { forgetWhenSealed } from '../adapters/key-watch.ts'
import { type OpenedVault, openLocalVault } from '../adapters/local-vault.ts'

const folders = z.strictObject({
  keysFolder: z.string(),
  objectsFolder: z.string(),
  masterKeyFile: z.string().optional(),
})

let opened: Promise<OpenedVault> | undefined

/**
 * The vault of this thread or process, opened with its first job. Its keys may be those of a vault that was sealed since
 * the last one, so it is looked at again for each.
 * @param settings the folders, as whoever started the thread or process gave them
 */
export async function vaultForJob(settings: unknown): Promise<OpenedVault> {
  opened ??= open(settings)
  const vault = await opened
  await vault.lookAgain()
  return vault
}

async function open(settings: unknown): Promise<OpenedVault> {
  try {
    const vault = await openLocalVault(folders.parse(settings), 'wait')
    forgetWhenSealed(vault)
    return vault
  } catch (error) {
    // What could not be opened is tried again with the next job.
    opened = undefined
    throw error
  }
}
