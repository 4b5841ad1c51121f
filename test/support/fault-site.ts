import { readdir, readFile, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { expect } from 'vitest'
import { runCommand } from './command.ts'
import { fraction, headers, type SignedIn, secretWords, start } from './kill-moments.ts'
import { startWorker, type WorkerProcess } from './portal-process.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Lines of every fate: accepted, unreadable, invalid, of low quality, twice there. */
export const mixedTalks = (count: number): string =>
  Array.from({ length: count }, (_, at) => {
    const say = (asked: string, said: string) =>
      JSON.stringify({
        conversations: [
          { from: 'human', value: asked },
          { from: 'gpt', value: said },
        ],
      })
    if (at % 97 === 5) return '{"conversations": [{"from": "human", "value": "broken off'
    if (at % 89 === 7) return JSON.stringify({ conversations: [] })
    if (at % 101 === 9) return say('The same question as always, word for word.', 'And the same answer, too.')
    if (at % 83 === 11) return say(`${at}?`, '')
    return say(
      `Number ${at}: ${secretWords} and I wanted to ask about it again today.`,
      `Tell me more about number ${at}, as far as you like.`,
    )
  }).join('\n')

export const mixedCount = 24_000

/** Where a run stood when it was disturbed. */
export const checkpoints = ['before the first cut', 'between cuts', 'records', 'quality', 'export'] as const
export type Checkpoint = (typeof checkpoints)[number]

/** Everything that must be the same as in a run that nobody disturbed. */
export interface Books {
  readonly status: string
  readonly problem: string | null
  readonly units: unknown
  readonly stages: unknown
  readonly reasons: unknown
  readonly findings: unknown
  readonly quarantine: unknown
  readonly exports: unknown
}

interface Row {
  readonly [column: string]: unknown
}

export type Configuration = Readonly<Record<string, unknown>>

/** A portal, its database and vault, and worker processes beside it: all of the built product, in one data folder. */
export class Site {
  readonly folder: string
  readonly data: string
  readonly #environment: Readonly<Record<string, string>>
  #signedIn: SignedIn
  #client: pg.Client | undefined
  readonly workers: WorkerProcess[] = []

  private constructor(folder: string, environment: Readonly<Record<string, string>>, signedIn: SignedIn) {
    this.folder = folder
    this.data = join(folder, 'var')
    this.#environment = environment
    this.#signedIn = signedIn
  }

  /** @param folder one that is there already and is removed with the site */
  static async open(environment: Readonly<Record<string, string>> = {}, folder?: string): Promise<Site> {
    const place = folder ?? (await temporaryFolder('fault'))
    return new Site(place, environment, await start(place, environment))
  }

  get portal() {
    return this.#signedIn.portal
  }

  /** Starts the portal again on the same folder. */
  async restart(): Promise<void> {
    this.#signedIn = await start(this.folder, this.#environment)
  }

  async worker(threads = 2): Promise<WorkerProcess> {
    const worker = await startWorker({ SIGNALBOX_DATA: this.data, SIGNALBOX_WORKERS: String(threads) })
    this.workers.push(worker)
    return worker
  }

  /** Rows of a query as the server's superuser, over one connection that is made again when it was lost. */
  async rows(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    this.#client ??= await this.connect()
    const client = this.#client
    try {
      return (await client.query(text, [...values])).rows
    } catch (error) {
      if (this.#client === client) this.#client = undefined
      await client.end().catch(() => {})
      throw error
    }
  }

  /** Connection string of the server's superuser. */
  async url(): Promise<string> {
    const read = async (name: string) => (await readFile(join(this.data, 'postgres', name), 'utf8')).trim()
    return `postgres://postgres:${await read('password')}@127.0.0.1:${await read('port')}/postgres`
  }

  async connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: await this.url(),
      connectionTimeoutMillis: 3_000,
      query_timeout: 10_000,
    })
    client.on('error', () => {
      if (this.#client === client) this.#client = undefined
    })
    await client.connect()
    return client
  }

  async postmaster(): Promise<number> {
    const text = await readFile(join(this.data, 'postgres', 'data', 'postmaster.pid'), 'utf8')
    return Number(text.split('\n')[0])
  }

  async upload(text: string | Blob, name = 'talks.jsonl'): Promise<string> {
    const { portal, cookie } = this.#signedIn
    const form = new FormData()
    form.append('file', typeof text === 'string' ? new Blob([text]) : text, name)
    const answer = await fetch(`${portal.url}/datasets/files?last=1`, {
      method: 'POST',
      headers: headers(cookie),
      body: form,
    })
    expect(answer.status).toBe(201)
    return (await answer.json()).datasetId
  }

  async post(path: string, body?: unknown): Promise<Response> {
    const { portal, cookie } = this.#signedIn
    return fetch(`${portal.url}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { ...headers(cookie), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  /** Uploads `text` as a dataset of its own, so that no result is taken over, and runs it. */
  async run(text: string, configuration: Configuration = {}): Promise<string> {
    return this.runAgain(await this.upload(text), configuration)
  }

  async runAgain(datasetId: string, configuration: Configuration = {}): Promise<string> {
    const answer = await this.post(`/datasets/${datasetId}/runs`, { configuration })
    expect(answer.status).toBe(201)
    return (await answer.json()).runId
  }

  get isPortalGone(): boolean {
    const { exitCode, signalCode } = this.portal.process
    return exitCode !== null || signalCode !== null
  }

  /** Asks as fast as the database answers, also while it is away; gives up when the portal ended by itself. */
  async until(what: string, holds: () => Promise<boolean>, timeoutMs = 180_000): Promise<void> {
    const deadline = Date.now() + timeoutMs
    let last: unknown
    while (Date.now() < deadline) {
      if (this.portal.process.exitCode !== null) {
        throw new Error(`${what}: the portal ended by itself, exit ${this.portal.process.exitCode}`, {
          cause: this.portal.log().slice(-2_000),
        })
      }
      try {
        if (await holds()) return
        last = undefined
      } catch (error) {
        last = error
        await wait(20)
      }
      await wait(1)
    }
    throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: last })
  }

  /** What is being worked of a run, by the tables. */
  async working(runId: string): Promise<readonly (Row & { at: Checkpoint })[]> {
    const rows = await this.rows(
      `select stage, index, attempt, worker_id, failures, (task #>> '{checkpoint,shard}')::integer as cut
       from shards where run_id = $1 and status = 'working' order by stage`,
      [runId],
    )
    return rows.map((row) => ({ ...row, at: checkpointOf(row) }))
  }

  async hasEnded(runId: string): Promise<boolean> {
    const [row] = await this.rows('select status from runs where id = $1', [runId])
    return row?.status !== 'queued' && row?.status !== 'running'
  }

  /**
   * Waits until a run is worked at a checkpoint, then a moment made from the seed.
   * @returns whether that was seen; false when the run was over before
   */
  async reach(runId: string, at: Checkpoint, seed: number, mostMs = 40): Promise<boolean> {
    let seen = false
    await this.until(`the run to come to ${at}`, async () => {
      seen = (await this.working(runId)).some((shard) => shard.at === at)
      return seen || (await this.hasEnded(runId))
    })
    if (seen) await wait(fraction(seed) * mostMs)
    return seen
  }

  async books(runId: string): Promise<Books> {
    const all = (text: string) => this.rows(text, [runId])
    const [run] = await all(
      `select status, problem, units_in, units_grouped, units_quarantined, bytes_read, score_sum, score_count
       from runs where id = $1`,
    )
    const { status, problem, ...units } = run ?? {}
    return {
      status: String(status),
      problem: problem === null ? null : String(problem),
      units,
      stages: await all(
        `select stage, status, records_in, records_out, quarantined, rejected, duplicate
         from run_stages where run_id = $1 order by position`,
      ),
      reasons: await all(
        'select stage, reason, records from run_reasons where run_id = $1 order by stage, reason',
      ),
      findings: await all('select rule, findings from run_findings where run_id = $1 order by rule'),
      quarantine: await all(
        `select stage, ordinal, unit, line, byte_offset, reason from quarantine where run_id = $1
         order by ordinal, stage`,
      ),
      exports: await all(
        'select path, records, skipped, bytes, sha256 from run_exports where run_id = $1 order by position',
      ),
    }
  }

  async events(runId: string, kind: string): Promise<string[]> {
    const rows = await this.rows(
      'select message from run_events where run_id = $1 and kind = $2 order by id',
      [runId, kind],
    )
    return rows.map((row) => String(row.message))
  }

  /** Waits for the end, then: completed, books and output as undisturbed, and nothing counted as a retry. */
  async expectExact(runId: string, expected: Books, why: string, timeoutMs = 180_000): Promise<void> {
    await this.until(`${why}: the run to end`, () => this.hasEnded(runId), timeoutMs)
    const books = await this.books(runId)
    expect({ status: books.status, problem: books.problem }, why).toEqual({
      status: 'completed',
      problem: null,
    })
    expect(books, why).toEqual(expected)
    const retried = await this.rows(
      'select stage, index, failures from shards where run_id = $1 and failures > 0',
      [runId],
    )
    expect(retried, `${why}: lost attempts that were counted as retries`).toEqual([])
    const undone = await this.rows("select 1 from shards where run_id = $1 and status <> 'done'", [runId])
    expect(undone, why).toEqual([])
  }

  async fsck(why: string): Promise<void> {
    const result = await runCommand('cli/fsck.js', [], { SIGNALBOX_DATA: this.data })
    expect(result, why).toMatchObject({ code: 0 })
  }

  /** Everybody who could see text in the clear. */
  logs(): string {
    return [this.portal, ...this.workers].map((process) => process.log()).join('')
  }

  /**
   * Stops everything of this site and removes its folder.
   * @param before done in between
   * @returns what is left of it in the process table
   */
  async close(before = () => {}): Promise<string[]> {
    await this.#client?.end().catch(() => {})
    for (const worker of this.workers) {
      worker.process.kill('SIGCONT')
      await worker.stop()
    }
    await this.portal.stop()
    // What was killed with it may still be on its way out of the process table.
    let left = await processesOf(this.folder)
    for (const until = Date.now() + 30_000; left.length > 0 && Date.now() < until; await wait(50)) {
      left = await processesOf(this.folder)
    }
    for (const pid of left) process.kill(Number(pid.split(' ')[0]), 'SIGKILL')
    before()
    await rm(this.folder, { recursive: true, force: true })
    return left
  }
}

function checkpointOf({ stage, cut }: Row): Checkpoint {
  if (stage === 'ingestion') return cut === 0 ? 'before the first cut' : 'between cuts'
  return stage === 'quality' || stage === 'export' ? stage : 'records'
}

/** Processes that name a folder in their command line or environment, or stand in it. */
export async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    const of = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    const command = await of('cmdline')
    if ([command, await of('environ'), cwd].some((text) => text.includes(folder))) {
      found.push(`${pid} ${command.replaceAll('\0', ' ')}`)
    }
  }
  return found
}

/** The books of a run that nobody disturbed. */
export async function undisturbedBooks(site: Site, text: string, configuration = {}): Promise<Books> {
  const runId = await site.run(text, configuration)
  await site.until('the undisturbed run to end', () => site.hasEnded(runId))
  const books = await site.books(runId)
  expect(books).toMatchObject({ status: 'completed', problem: null })
  return books
}
