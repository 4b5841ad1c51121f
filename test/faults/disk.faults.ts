import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/jobs/engine.ts'
import { type Workshop, workshop } from '../support/engine.ts'
import { type Books, mixedCount, mixedTalks, Site, undisturbedBooks } from '../support/fault-site.ts'
import { fraction } from '../support/kill-moments.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const mebibyte = 1024 ** 2
const text = mixedTalks(mixedCount)
/** Long enough to be still at work when the watch has looked, once a second. */
const long = mixedTalks(4 * mixedCount)

/** A file system in memory at `folder`, or why there is none. */
const mounted = (folder: string, bytes: number): string | undefined => {
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  return status === 0 ? undefined : `no tmpfs can be mounted here: ${String(stderr ?? 'no mount').trim()}`
}

/** Fills a folder's file system until only so much is free. */
async function fill(folder: string, leave: number): Promise<void> {
  for (let part = 0; ; part++) {
    const { bavail, bsize } = await statfs(folder)
    const bytes = bavail * bsize - leave
    if (bytes <= 0) return
    // What others write at the same time may take the room first: then the rest of it, next time.
    const filler = join(folder, `filler-${part}`)
    if (spawnSync('fallocate', ['-l', String(bytes), filler]).status !== 0) await rm(filler, { force: true })
  }
}

async function makeRoom(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith('filler-')) await rm(join(folder, name))
  }
}

describe('the disk of the vault below its low-water mark, in the portal', () => {
  let folder: string
  let vault: string
  let problem: string | undefined
  let site: Site
  let expected: Books
  beforeAll(async () => {
    folder = await temporaryFolder('fault')
    vault = join(folder, 'var', 'vault')
    await mkdir(vault, { recursive: true })
    await chmod(join(folder, 'var'), 0o755)
    // Only what is written takes memory; a GiB has to stay free.
    problem = mounted(vault, 1_300 * mebibyte)
    if (problem !== undefined) return
    site = await Site.open({ SIGNALBOX_WORKERS: '2' }, folder)
    expected = await undisturbedBooks(site, long, { mode: 'sequential' })
  })
  afterEach(() => makeRoom(vault))
  afterAll(async () => {
    // The mount goes after the processes and before the folder.
    const left = await site?.close(() => void spawnSync('umount', [vault]))
    if (existsSync(folder)) await rm(folder, { recursive: true, force: true })
    expect(left ?? []).toEqual([])
  })

  test.each([1, 2, 3])(
    'seed %i: the run pauses with a reason, and goes on when there is room',
    async (seed) => {
      if (problem !== undefined) return console.warn(`skipped: ${problem}`)
      const why = `seed ${seed}: low water`
      const says = async () => String((await site.rows('select paused from workers'))[0]?.paused)
      await site.until(`${why}: nothing to be paused before`, async () => (await says()) === 'null')
      const runId = await site.run(long, { mode: 'sequential' })
      await wait(fraction(seed) * 500)
      await fill(vault, 900 * mebibyte)
      await site.until(
        `${why}: the worker to say why it pauses`,
        async () => (await says()).startsWith('The disk of the vault'),
        10_000,
      )
      await site.until(`${why}: nothing to be worked`, async () => (await site.working(runId)).length === 0)
      const claims = (await site.events(runId, 'claimed')).length
      await wait(1_500)
      expect((await site.events(runId, 'claimed')).length, `${why}: nothing is claimed`).toBe(claims)
      expect(await site.hasEnded(runId), why).toBe(false)
      expect(await site.events(runId, 'paused'), why).toEqual([expect.stringContaining('Make room')])
      await makeRoom(vault)
      await site.expectExact(runId, expected, why)
      expect((await site.events(runId, 'paused')).at(-1), why).toContain('There is room')
      await site.fsck(why)
    },
  )
})

describe('the disk of the vault full to the last byte', () => {
  let folder: string
  let problem: string | undefined
  let shop: Workshop
  let engine: Engine | undefined
  beforeAll(async () => {
    folder = await temporaryFolder('fault-disk')
    problem = mounted(folder, 256 * mebibyte)
    if (problem !== undefined) return
    await chmod(folder, 0o755)
    const before = process.env.TMPDIR
    process.env.TMPDIR = folder
    shop = await workshop()
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  })
  afterEach(async () => {
    await makeRoom(folder)
    await engine?.stop()
  })
  afterAll(async () => {
    await shop?.close()
    if (problem === undefined) spawnSync('umount', [folder])
    await rm(folder, { recursive: true, force: true })
  })

  test.each([4, 5, 6])(
    'seed %i: a write that fails is no retry; the run waits, says why, and goes on',
    async (seed) => {
      if (problem !== undefined) return console.warn(`skipped: ${problem}`)
      const why = `seed ${seed}: no room at all`
      engine = await shop.engine({ diskLowWater: 2 * mebibyte })
      const configuration = { mode: 'sequential' } as const
      const plain = await shop.start(engine, 'ada', await shop.dataset('ada', text), configuration)
      expect(await shop.over(plain), why).toBe('completed')
      const datasetId = await shop.dataset('ada', text)
      const runId = await shop.start(engine, 'ada', datasetId, configuration)
      await wait(fraction(seed) * 300)
      await fill(folder, 0)
      const paused = async () => {
        const rows = await shop.db.selectFrom('workers').select('paused').execute()
        return rows.some((row) => row.paused?.startsWith('The disk of the vault'))
      }
      await expect.poll(paused, { timeout: 10_000 }).toBe(true)
      await wait(2_500)
      const [run] = await shop.db.selectFrom('runs').select('status').where('id', '=', runId).execute()
      expect(run, why).toEqual({ status: 'running' })
      await makeRoom(folder)
      expect(await shop.over(runId), why).toBe('completed')
      expect(await shop.output(runId), why).toEqual(await shop.output(plain))
      expect(await shop.ledger(runId), why).toEqual(await shop.ledger(plain))
      expect(await shop.difference(runId), why).toBeUndefined()
      const retried = await shop.db
        .selectFrom('shards')
        .select(['stage', 'index', 'failures'])
        .where('runId', '=', runId)
        .where('failures', '>', 0)
        .execute()
      expect(retried, `${why}: counted as retries`).toEqual([])
      expect((await shop.events(runId, 'paused')).join('\n'), `${why}: the run says why`).toContain(
        'Make room',
      )
    },
  )
})
