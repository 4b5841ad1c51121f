import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { openLocalVault } from '../../src/adapters/local-vault.ts'
import { unfinishedRotation } from '../../src/domain/vault/key-administration.ts'
import { runCommand } from '../support/command.ts'
import { mixedTalks, Site } from '../support/fault-site.ts'
import { keyChanges, killAtStep, prepareVault } from '../support/kill-key-changes.ts'
import { fraction } from '../support/kill-moments.ts'

describe('a change of keys killed with -9 before each of its steps', () => {
  test.each(keyChanges)('%s: nothing is lost, and asking again ends it', async (change) => {
    const prepared = await prepareVault(change)
    let killed = 0
    while (await killAtStep(prepared, change, killed + 1)) killed++
    expect(killed).toBeGreaterThan(1)
    await rm(prepared, { recursive: true, force: true })
  })
})

/** So many keys that a rotation takes seconds. */
const owners = 2_000

describe('a portal killed with -9 in the middle of a rotation', () => {
  test('goes on with it at its next start, and every key ends under the new version', async () => {
    const site = await Site.open({ SIGNALBOX_WORKERS: '1' })
    try {
      const datasetId = await site.upload(mixedTalks(50))
      const vault = await openLocalVault({
        keysFolder: join(site.data, 'keys'),
        objectsFolder: join(site.data, 'vault'),
      })
      for (let at = 0; at < owners; at++) await vault.createKey(`ds_${String(at).padStart(8, '0')}`)
      const begun = await site.post('/admin/keys/rotation')
      expect([begun.status, begun.headers.get('Location')]).toEqual([303, '/admin/keys'])
      for (const seed of [1, 2, 3]) {
        const before = unfinishedRotation(await vault.keyState())
        expect(before, `seed ${seed}: it was over before it could be killed`).toBeDefined()
        const done = before?.done ?? 0
        await site.until('some more keys to be re-wrapped', async () => {
          const now = unfinishedRotation(await vault.keyState())
          return now === undefined || now.done > done
        })
        await wait(fraction(seed) * 200)
        await site.portal.stop('SIGKILL')
        const left = unfinishedRotation(await vault.keyState())
        expect(left, `seed ${seed}: it was over before it was killed`).toMatchObject({ to: 2 })
        await site.restart()
      }
      await site.until('the rotation to end', async () => {
        const state = await vault.keyState()
        return unfinishedRotation(state) === undefined
      })
      const state = await vault.keyState()
      expect(state).toMatchObject({ sealed: undefined, damagedKeys: [] })
      expect(state.masterKeys.map(({ version, keys }) => ({ version, keys }))).toEqual([
        { version: 1, keys: 0 },
        { version: 2, keys: owners + 1 },
      ])
      const entries = () =>
        site.rows(
          `select outcome from (select action, outcome, details from audit.log
             union all select action, outcome, details from audit.outbox) rotations
           where action = 'vault.rotate'`,
        )
      await site.until('the end to be on record', async () => (await entries()).length >= 5)
      expect(await runCommand('cli/vault.js', ['retire', '1'], { SIGNALBOX_DATA: site.data })).toMatchObject({
        code: 0,
      })
      expect(await runCommand('cli/vault.js', ['verify'], { SIGNALBOX_DATA: site.data })).toMatchObject({
        code: 0,
      })
      expect(await site.runAgain(datasetId)).toMatch(/^run_/)
    } finally {
      expect(await site.close()).toEqual([])
    }
  })
})
