import { expect } from 'vitest'
import type { Books, Checkpoint, Site } from './fault-site.ts'

/**
 * Kills the process that works a run with -9 while it works at a checkpoint, and sees another one finish it.
 * @returns the checkpoints that were being worked when it died, as the tables say
 */
export async function killAtCheckpoint(
  site: Site,
  given: {
    readonly victim: 'worker' | 'portal'
    readonly aim: Checkpoint
    readonly seed: number
    readonly text: string
    readonly mode: string
    readonly expected: Books
  },
): Promise<readonly Checkpoint[]> {
  const { victim, aim, seed, text, mode, expected } = given
  const why = `seed ${seed}: the ${victim} killed in ${mode} mode, aimed at ${aim}`
  const worker = victim === 'worker' ? await site.worker() : undefined
  const runId = await site.run(text, { mode })
  await site.reach(runId, aim, seed)
  await (worker ?? site.portal).stop('SIGKILL')
  // Nobody else works: what is held now is what it held. Its last commit may still be on its way.
  await site.until('the lock of the dead one to be free', async () => {
    const held = await site.rows(
      "select 1 from pg_locks where locktype = 'advisory' and classid = 1396864875",
    )
    return held.length === 0
  })
  const held = await site.working(runId)
  const next = victim === 'worker' ? await site.worker() : await site.restart()
  await site.expectExact(runId, expected, why)
  const lost = await site.events(runId, 'lost')
  expect(lost.length, why).toBe(held.length)
  await next?.stop()
  expect(site.logs(), why).not.toContain('the-lighthouse-keeper')
  return held.map(({ at }) => at)
}
