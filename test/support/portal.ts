import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OpenedVault, openLocalVault } from '../../src/adapters/local-vault.ts'
import { takeOutStored } from '../../src/domain/deletion/take-out.ts'
import { performDeletion } from '../../src/jobs/deletions.ts'
import type { AppDeps } from '../../src/routes/app-context.ts'
import { type Member, signedInApp, type TestApp } from './app.ts'

/** The app over a real vault in a folder of its own, and uploads as the two kinds of browser send them. */
export interface TestPortal extends TestApp {
  readonly vault: OpenedVault
  /** One file, as the script sends it. */
  upload(who: Member, name: string, text: string, query?: string): Promise<Response>
  /** The whole form, as a browser without script sends it: text fields first. */
  uploadForm(
    who: Member,
    fields: Readonly<Record<string, string>>,
    files: Readonly<Record<string, string>>,
  ): Promise<Response>
  /** Uploads the text and answers the id of its dataset. */
  dataset(who: Member, name: string, text: string): Promise<string>
  /** How many objects the vault holds. */
  storedFiles(): Promise<number>
}

export async function testPortal(
  overrides: (vault: AppDeps['vault']) => Partial<AppDeps> = () => ({}),
): Promise<TestPortal> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-portal-'))
  const objectsFolder = join(folder, 'objects')
  const vault = await openLocalVault({ keysFolder: join(folder, 'keys'), objectsFolder })
  const web: TestApp = await signedInApp(
    {
      vault,
      beginDeletion: (id) => performDeletion({ ...web.deps, vault, takeOut: takeOutStored(vault) }, id),
      ...overrides(vault),
    },
    vault,
  )

  const upload: TestPortal['upload'] = (who, name, text, query = '') => {
    const body = new FormData()
    body.append('file', new File([text], name))
    return web.request(who, `/datasets/files${query}`, {
      method: 'POST',
      body,
      headers: { Accept: 'application/json' },
    })
  }
  return {
    ...web,
    vault,
    upload,
    uploadForm(who, fields, files) {
      const body = new FormData()
      for (const [name, value] of Object.entries(fields)) body.append(name, value)
      for (const [name, text] of Object.entries(files)) body.append('file', new File([text], name))
      return web.request(who, '/datasets', { method: 'POST', body })
    },
    async dataset(who, name, text) {
      const answer = await upload(who, name, text)
      const received: unknown = await answer.json()
      if (typeof received === 'object' && received !== null && 'datasetId' in received) {
        return String(received.datasetId)
      }
      throw new Error(`the upload was refused: ${JSON.stringify(received)}`)
    },
    async storedFiles() {
      const entries = await readdir(objectsFolder, { recursive: true, withFileTypes: true })
      return entries.filter((entry) => entry.isFile()).length
    },
    async close() {
      await web.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** ShareGPT lines, recognised with certainty. */
export const shareGpt = (conversations: number): string =>
  Array.from(
    { length: conversations },
    (_, at) =>
      `${JSON.stringify({
        conversations: [
          { from: 'human', value: `What is signal ${at}?` },
          { from: 'gpt', value: `Signal ${at} guards the junction.` },
        ],
      })}\n`,
  ).join('')
