import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withKeyRotationLock } from '../../src/db/key-rotation-lock.ts'
import { ok, type Result } from '../../src/domain/result.ts'
import type { KeyKeeper, Rotation } from '../../src/domain/vault/key-state.ts'
import { VaultError } from '../../src/domain/vault/vault.ts'
import { keyRotations } from '../../src/jobs/key-rotation.ts'
import { emptyVault, signedInApp } from '../support/app.ts'
import { auditEntries } from '../support/audit.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'

let web: TestPortal
beforeAll(async () => {
  web = await testPortal()
  for (const name of ['one', 'two', 'three']) await web.dataset(web.owner, `${name}.jsonl`, shareGpt(1))
})
afterAll(() => web?.close())

const page = async (path = '/admin/keys') => (await web.request(web.owner, path)).text()
const rotate = () => web.post(web.owner, '/admin/keys/rotation')
const onRecord = async (action: string) =>
  (await auditEntries(web.adminUrl))
    .filter((entry) => entry.action === action)
    .map(({ outcome, actorId }) => [outcome, actorId])

/** Without the words of the marks: what a person reads of each version. */
const versions = (html: string) =>
  [...html.matchAll(/Version (\d+)<\/th>.*?<\/svg>([^<]+)<.*?Keys under it">(\d+)</gs)].map(
    ([, version, word, keys]) => [Number(version), word, Number(keys)],
  )

describe('the page of the keys', () => {
  test('lists the versions with their age and what is under them', async () => {
    const html = await page()
    expect(versions(html)).toEqual([[1, 'In use', 3]])
    expect(html).toContain('Rotate…')
    expect(html).not.toContain('Retire…')
  })

  test('asks before it rotates, says what will happen, and rotates behind the page', async () => {
    expect(await page('/admin/keys/rotation')).toMatch(/3.keys of datasets and runs/)
    const begun = await rotate()
    expect([begun.status, begun.headers.get('Location')]).toEqual([303, '/admin/keys'])
    await expect
      .poll(async () => versions(await page()))
      .toEqual([
        [2, 'In use', 3],
        [1, 'Not needed', 0],
      ])
    await expect
      .poll(() => onRecord('vault.rotate'))
      .toEqual([
        ['allowed', 'usr_owner'],
        ['allowed', 'usr_owner'],
      ])
  })

  test('names what is lost before a version is retired, then retires it, on record', async () => {
    const asked = await page('/admin/keys/1/retirement')
    expect(asked).toContain('What is lost:')
    expect(asked).toContain('hold keys that only this version opens')
    const retired = await web.post(web.owner, '/admin/keys/1/retirement')
    expect([retired.status, retired.headers.get('Location')]).toEqual([303, '/admin/keys'])
    expect(versions(await page())).toEqual([[2, 'In use', 3]])
    expect(await onRecord('vault.retire')).toEqual([
      ['allowed', 'usr_owner'],
      ['allowed', 'usr_owner'],
    ])
    expect((await web.request(web.owner, '/admin/keys/1/retirement')).status).toBe(404)
  })

  test('retires neither the version in use nor one that never was', async () => {
    const used = await web.post(web.owner, '/admin/keys/2/retirement')
    expect([used.status, (await used.text()).includes('is the one in use')]).toEqual([409, true])
    for (const version of ['7', '0', '-1', '1e3', 'x', '9'.repeat(40)]) {
      expect((await web.post(web.owner, `/admin/keys/${version}/retirement`)).status, version).toBe(404)
    }
  })

  test('while the keys are being changed it says so, asks for itself, and refuses a second change', async () => {
    await withKeyRotationLock(web.deps.db, async (): Promise<Result<void>> => {
      const html = await page()
      expect(html).toContain('hx-trigger="every 2s"')
      expect(html).not.toContain('Rotate…')
      const refused = await rotate()
      expect([refused.status, (await refused.text()).includes('Another rotation is going on')]).toEqual([
        409,
        true,
      ])
      return ok(undefined)
    })
    expect(await page()).not.toContain('every 2s')
  })

  test('answers htmx with the part that changes', async () => {
    const answer = await web.request(web.owner, '/admin/keys', { headers: { 'HX-Request': 'true' } })
    const html = await answer.text()
    expect(versions(html)).toEqual([[2, 'In use', 3]])
    expect(html).not.toContain('<html')
  })

  test('asks for password or code before rotating and retiring', async () => {
    const member = await web.again(web.owner)
    web.advance(301)
    for (const path of ['/admin/keys/rotation', '/admin/keys/2/retirement']) {
      for (const method of ['GET', 'POST']) {
        const answer = await web.request(member, path, { method })
        expect([answer.status, answer.headers.get('Location')]).toEqual([
          303,
          `/step-up?next=${encodeURIComponent(path)}`,
        ])
      }
    }
    web.advance(-301)
  })

  test('is for administrators', async () => {
    for (const who of [web.moderator, web.colleague, web.viewer]) {
      expect((await web.request(who, '/admin/keys')).status).toBe(403)
      expect((await web.post(who, '/admin/keys/rotation')).status).toBe(403)
    }
  })
})

const key = { owner: 'ds_1', keyVersion: 1 }
const rotation: Rotation = { masterVersion: 2, isNew: false, rewrapped: 2, unneeded: [], damaged: [] }
const made = new Date('2025-11-21T12:00:00Z')
const half: Awaited<ReturnType<KeyKeeper['keyState']>> = {
  sealed: undefined,
  masterKeys: [
    { version: 1, createdAt: made, keys: 2, isCurrent: false },
    { version: 2, createdAt: made, keys: 1, isCurrent: true },
  ],
  damagedKeys: ['ds_9 1'],
  oldestKeyAt: made,
  destroyed: 4,
  destroyedAgain: [{ owner: 'ds_gone', keyVersion: 1 }],
}

describe('a rotation that its process did not end', () => {
  test('is shown with how far it got, and what came back and what is damaged beside it', async () => {
    const stopped = await signedInApp({}, { ...noChange, keyState: async () => half })
    const html = await (await stopped.request(stopped.owner, '/admin/keys')).text()
    expect(html).toContain('Rotation to version 2 was interrupted')
    expect(html).toMatch(/1 of 3.keys/)
    expect(html).toContain('Go on with the rotation…')
    expect(versions(html)[1]).toEqual([1, 'Still needed', 2])
    expect(html).toContain('ds_gone')
    expect(html).toContain('ds_9 1')
    await stopped.close()
  })

  test('is taken up at the next start, once, and left alone where there is none', async () => {
    const { db, log } = web.deps
    const caller = { actor: { id: 'system', kind: 'system' }, requestId: 'req_start' } as const
    let rotations = 0
    const vault: Pick<KeyKeeper, 'keyState' | 'rotate' | 'retire'> = {
      ...noChange,
      keyState: async () => half,
      rotate: async (step = () => {}) => {
        rotations++
        step({ key, done: 1, total: 2 })
        return ok(rotation)
      },
    }
    const keys = keyRotations({ db, vault, log })
    await keys.goOn(caller)
    await keys.settled()
    expect(rotations).toBe(1)
    const whole = { ...half, masterKeys: half.masterKeys.slice(1) }
    await keyRotations({ db, vault: { ...vault, keyState: async () => whole }, log }).goOn(caller)
    expect(rotations).toBe(1)
  })

  test('says on the page why it stopped', async () => {
    const broken = await signedInApp(
      {},
      {
        ...noChange,
        keyState: async () => half,
        rotate: async (step = () => {}) => {
          step({ key, done: 1, total: 2 })
          throw new Error('the disk is gone')
        },
      },
    )
    expect((await broken.post(broken.owner, '/admin/keys/rotation')).status).toBe(303)
    await expect
      .poll(async () => (await broken.request(broken.owner, '/admin/keys')).text())
      .toContain('It stopped on a fault')
    const entries = (await auditEntries(broken.adminUrl)).filter(({ action }) => action === 'vault.rotate')
    expect(entries.map(({ outcome }) => outcome)).toEqual(['allowed', 'failed'])
    await broken.close()
  })
})

describe('a sealed vault', () => {
  test('says why, and offers no change', async () => {
    const message = 'The vault is sealed: its master key master-1.key is missing. Nothing was changed.'
    const sealed = await signedInApp(
      {},
      { ...noChange, keyState: async () => ({ ...half, sealed: { reason: 'missing', message } }) },
    )
    const html = await (await sealed.request(sealed.owner, '/admin/keys')).text()
    expect(html).toContain(message)
    expect(html).not.toMatch(/Rotate…|Go on with|Retire…/)
    await sealed.close()
  })

  test('is said on every page, before an upload fails of it', async () => {
    const deriveKey = async () => {
      throw new VaultError('sealed', 'no master key')
    }
    const sealed = await signedInApp({ vault: { ...emptyVault, deriveKey } })
    for (const path of ['/', '/datasets', '/datasets/new', '/runs']) {
      const html = await (await sealed.request(sealed.owner, path)).text()
      expect({ path, html }).toEqual({ path, html: expect.stringContaining('The vault is sealed') })
    }
    await sealed.close()
  })
})

const noChange: Pick<KeyKeeper, 'rotate' | 'retire'> = {
  rotate: async () => ok(rotation),
  retire: async () => ok(undefined),
}
