import { createHash } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { expect, vi } from 'vitest'
import { shardLimits } from '../../src/domain/pipeline/ingest.ts'
import { type Portal, startPortal } from './portal-process.ts'
import { temporaryFolder } from './temporary-folder.ts'

const password = 'a sentence that is long enough'
export const secretWords = 'the-lighthouse-keeper-said-so'

/** A number below one made from a seed, so that a moment that broke once can be tried again. */
export const fraction = (seed: number): number =>
  createHash('sha256').update(`moment ${seed}`).digest().readUInt32BE() / 2 ** 32

const talks = (count: number): string =>
  Array.from({ length: count }, (_, at) =>
    JSON.stringify({
      conversations: [
        { from: 'human', value: `Number ${at}: ${secretWords} and I wanted to ask about it again today.` },
        { from: 'gpt', value: `Tell me more about number ${at}, as far as you like.` },
      ],
    }),
  ).join('\n')

export interface SignedIn {
  readonly portal: Portal
  readonly cookie: string
}

export const headers = (cookie: string) => ({
  Cookie: cookie,
  'Sec-Fetch-Site': 'same-origin',
  Accept: 'application/json',
})
const cookieOf = (response: Response): string =>
  (response.headers.getSetCookie()[0] ?? '').split(';')[0] ?? ''

/** Starts a portal on `folder`/var and signs in, setting it up the first time. */
export async function start(
  folder: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<SignedIn> {
  const portal = await startPortal({ SIGNALBOX_DATA: join(folder, 'var'), ...environment })
  const send = (path: string, fields: Record<string, string>) =>
    fetch(`${portal.url}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'Sec-Fetch-Site': 'same-origin' },
      body: new URLSearchParams(fields),
    })
  const link = portal.setUpLink
  const token = link === undefined ? null : new URL(link).searchParams.get('secret')
  const answer =
    token === null
      ? await send('/sign-in', { email: 'mara@example.org', password, next: '/' })
      : await send('/set-up', { token, secret: token, name: 'Mara', email: 'mara@example.org', password })
  return { portal, cookie: cookieOf(answer) }
}

async function upload({ portal, cookie }: SignedIn, text: string): Promise<Response> {
  const form = new FormData()
  form.append('file', new Blob([text]), 'talks.jsonl')
  return fetch(`${portal.url}/datasets/files?run=1&last=1`, {
    method: 'POST',
    headers: headers(cookie),
    body: form,
  })
}

/** What came out of a run that has completed: the checksums of its exports, in order. */
async function outputOf(folder: string, runId: string): Promise<string[]> {
  return withDatabase(folder, async (client) => {
    const { rows } = await client.query(
      'select sha256 from run_exports where run_id = $1 order by position',
      [runId],
    )
    return rows.map((row: { sha256: string }) => row.sha256)
  })
}

async function withDatabase<T>(folder: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const read = (name: string) => readFile(join(folder, 'var', 'postgres', name), 'utf8')
  const client = new pg.Client({
    connectionString: `postgres://postgres:${(await read('password')).trim()}@127.0.0.1:${(await read('port')).trim()}/postgres`,
  })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const runState = (folder: string, runId: string) =>
  withDatabase(folder, async (client) => {
    const { rows } = await client.query('select status, problem from runs where id = $1', [runId])
    return rows[0] as { status: string; problem: string | null }
  })

const untilCompleted = (folder: string, runId: string) =>
  vi.waitFor(
    async () => expect(await runState(folder, runId)).toEqual({ status: 'completed', problem: null }),
    { timeout: 180_000, interval: 100 },
  )

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** None of the record text in any file below the data folder: database, WAL, vault, logs. */
export async function expectNoText(folder: string): Promise<void> {
  for (const path of await filesBelow(join(folder, 'var'))) {
    const bytes = await readFile(path).catch(() => Buffer.alloc(0))
    expect(bytes.includes(secretWords), path).toBe(false)
  }
}

/** The checksums of a run that nobody disturbed. */
export async function undisturbed(count: number): Promise<string[]> {
  const folder = await temporaryFolder('fault')
  const signedIn = await start(folder)
  try {
    const { runId } = await (await upload(signedIn, talks(count))).json()
    await untilCompleted(folder, runId)
    return await outputOf(folder, runId)
  } finally {
    await signedIn.portal.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Kills the portal with -9 in the middle of a run; the next start goes on and gives the same output. */
export async function killDuringRun(seed: number, count: number, expected: readonly string[]): Promise<void> {
  const folder = await temporaryFolder('fault')
  let signedIn = await start(folder)
  try {
    const { runId } = await (await upload(signedIn, talks(count))).json()
    // The moment is told in shards done, not in milliseconds: the same on a slow machine.
    const shards = Math.floor(fraction(seed) * Math.ceil(count / shardLimits.records))
    await vi.waitFor(
      () =>
        withDatabase(folder, async (client) => {
          const { rows } = await client.query(
            "select count(*)::integer as done from shards where run_id = $1 and stage = 'standardization' and status = 'done'",
            [runId],
          )
          expect(rows[0].done).toBeGreaterThanOrEqual(shards)
        }),
      { timeout: 180_000, interval: 5 },
    )
    await signedIn.portal.stop('SIGKILL')
    signedIn = await start(folder)
    await untilCompleted(folder, runId)
    expect(await outputOf(folder, runId)).toEqual(expected)
    await expectNoText(folder)
    expect(signedIn.portal.log()).not.toContain(secretWords)
  } finally {
    await signedIn.portal.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Kills the portal with -9 in the middle of an upload; the next start is clean and takes the file again. */
export async function killDuringUpload(seed: number, count: number): Promise<void> {
  const folder = await temporaryFolder('fault')
  let signedIn = await start(folder)
  try {
    const text = talks(count)
    const cut = Math.floor(text.length * fraction(seed))
    let sent = () => {}
    const reached = new Promise<void>((resolve) => {
      sent = resolve
    })
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        const send = (part: string) => controller.enqueue(Buffer.from(part))
        send('--cut\r\nContent-Disposition: form-data; name="file"; filename="talks.jsonl"\r\n\r\n')
        send(text.slice(0, cut))
        sent()
      },
    })
    const broken = fetch(`${signedIn.portal.url}/datasets/files?run=1&last=1`, {
      method: 'POST',
      headers: { ...headers(signedIn.cookie), 'Content-Type': 'multipart/form-data; boundary=cut' },
      body,
      duplex: 'half',
    } as RequestInit).catch(() => undefined)
    await reached
    await signedIn.portal.stop('SIGKILL')
    await broken
    signedIn = await start(folder)
    expect(
      (await filesBelow(join(folder, 'var', 'vault'))).filter((path) => path.endsWith('.writing')),
    ).toEqual([])
    await withDatabase(folder, async (client) => {
      const { rows } = await client.query('select count(*)::integer as files from dataset_files')
      expect(rows[0].files).toBe(0)
    })
    const answer = await upload(signedIn, text)
    expect(answer.status).toBe(201)
    const { runId } = await answer.json()
    await untilCompleted(folder, runId)
    await expectNoText(folder)
  } finally {
    await signedIn.portal.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
