import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { settingNames, settingsInForce } from '../../src/config.ts'
import { keepVerification } from '../../src/db/audit-state.ts'
import { HousekeepingLock } from '../../src/db/housekeeping-lock.ts'
import { periodically } from '../../src/db/periodic-work.ts'
import { signedInApp, type TestApp } from '../support/app.ts'
import { asAdmin } from '../support/audit.ts'
import { testPortal } from '../support/portal.ts'

let web: TestApp
beforeAll(async () => {
  web = await testPortal()
})
afterAll(() => web?.close())

const page = async () => (await web.request(web.owner, '/admin/system')).text()
/** The state of a row of the first table, as a person reads it, with the mark that goes with it. */
const check = (html: string, name: string) => {
  const row = new RegExp(`${name}</th>.*?mark--(\\w+)".*?</svg>([^<]+)<`, 's').exec(html)
  return [row?.[1], row?.[2]]
}
const addWorker = (id: number, seconds: number, paused: string | null) =>
  asAdmin(
    web.adminUrl,
    `insert into workers (id, host, pid, threads, started_at, seen_at, paused)
     values (${id}, 'machine-a', 4711, 2, now(), now() - ${seconds} * interval '1 second', ${paused === null ? 'null' : `'${paused}'`})`,
  )

describe('the page of the system', () => {
  test('says what runs: versions, the database and its role, and since when', async () => {
    const html = await page()
    expect(html).toContain('1.2.3')
    expect(html).toContain('24.0.0')
    expect(html).toMatch(/Postgres<\/dt><dd>1[78]\.\d/)
    expect(html).toContain('<span class="id">signalbox</span>')
    expect(check(html, 'Who owns the audit tables')).toEqual(['healthy', 'A role of its own'])
  })

  test('tells vault and disk', async () => {
    const html = await page()
    expect(check(html, 'Vault')).toEqual(['healthy', 'Open'])
    expect(check(html, 'Disk of the vault')).toEqual(['healthy', 'Has room'])
    expect(html).toMatch(/40.% of 100.GB/)
  })

  test('lists workers: at work, paused and why, lost', async () => {
    expect(check(await page(), 'Workers')).toEqual(['degraded', 'None'])
    await addWorker(1, 0, null)
    expect(check(await page(), 'Workers')).toEqual(['healthy', 'At work'])
    await addWorker(2, 0, 'The disk of the vault has 0.5 GiB left.')
    await addWorker(3, 60, null)
    const html = await page()
    expect(check(html, 'Workers')).toEqual(['degraded', 'Some away'])
    expect(html).toContain('The disk of the vault has 0.5 GiB left.')
    expect(html).toContain('its shards go to others')
  })

  test('tells what waits in the audit log, its checkpoint and its verification', async () => {
    const before = await page()
    expect(check(before, 'Verification of it')).toEqual(['unknown', 'Never verified'])
    await keepVerification(
      web.deps.db,
      {
        outcome: 'tampered',
        checkpoints: 1,
        covered: 7,
        rows: 7,
        finding: { kind: 'log-rewritten', seq: 3, message: 'Entry 3 was changed.' },
      },
      0.1,
    )
    const html = await page()
    expect(check(html, 'Verification of it')).toEqual(['failed', 'Tampered'])
    expect(html).toContain('Entry 3 was changed.')
    expect(check(html, 'Audit log')[0]).not.toBe('healthy')
  })

  test('tells who keeps house', async () => {
    expect(check(await page(), 'Housekeeping')).toEqual(['degraded', 'Nobody'])
    const url = new URL(web.adminUrl)
    const lock = new HousekeepingLock(url.href, web.deps.log)
    await lock.take()
    expect(check(await page(), 'Housekeeping')).toEqual(['healthy', 'Kept'])
    await lock.release()
  })

  test('tells of what comes round by itself when it last ran, and how it ended', async () => {
    expect(check(await page(), 'Sweep of the vault')).toEqual(['unknown', 'Never ran'])
    const deps = { ...web.deps, clock: () => new Date(web.deps.clock().getTime() - 2 * 3_600_000) }
    const running = new AbortController().signal
    await periodically(web.deps, 'sweep', running, async () => {})
    await periodically(deps, 'retention', running, async () => {})
    const broken = periodically(web.deps, 'intermediates', running, async () => {
      throw new Error('the disk is gone')
    })
    await expect(broken).rejects.toThrow('the disk is gone')
    await periodically(web.deps, 'audit-check', running, async () => false, Boolean)
    const stopping = periodically(web.deps, 'housekeeping', AbortSignal.abort(), async () => {
      throw new Error('asked to end')
    })
    await expect(stopping).rejects.toThrow('asked to end')
    const html = await page()
    expect(check(html, 'Sweep of the vault')).toEqual(['healthy', 'Done'])
    expect(check(html, 'Retention of datasets')).toEqual(['degraded', 'Overdue'])
    expect(check(html, 'Removal of intermediates')).toEqual(['failed', 'Failed'])
    expect(check(html, 'Check of the audit log')).toEqual(['failed', 'Failed'])
    expect(check(html, 'Housekeeping, a whole round')).toEqual(['unknown', 'Stopped'])
  })

  test('is for administrators', async () => {
    for (const who of [web.moderator, web.colleague, web.viewer]) {
      expect((await web.request(who, '/admin/system')).status).toBe(403)
    }
  })

  test('fails, and says what to do, when the disk is full and the vault sealed', async () => {
    const message = 'The vault is sealed: its master key is missing.'
    const keys = {
      ...web.deps.keys,
      state: async () => ({
        ...(await web.deps.keys.state()),
        sealed: { reason: 'missing', message } as const,
      }),
    }
    const host = { ...web.deps.host, disk: async () => ({ freeBytes: 1e8, totalBytes: 100e9 }) }
    const full = await signedInApp({ keys, host })
    const html = await (await full.request(full.owner, '/admin/system')).text()
    expect(check(html, 'Vault')).toEqual(['failed', 'Sealed'])
    expect(check(html, 'Disk of the vault')).toEqual(['failed', 'Full'])
    expect(html).toContain('plate--failed')
    await full.close()
  })
})

describe('the settings in force', () => {
  const secret = 'hush-hush-hush-hush-hush-hush-hush-hush'
  const given = {
    DATABASE_URL: `postgres://signalbox:${secret}@db/signalbox`,
    DATABASE_ADMIN_URL: `postgres://admin:${secret}@db/signalbox`,
    METRICS_TOKEN: secret,
    PORT: '4000',
    LOG_LEVEL: '',
  }

  test('are all of them, with what was given before what holds by default', () => {
    const settings = settingsInForce(given)
    expect(settings.map(({ name }) => name)).toEqual(settingNames)
    const of = (name: string) => settings.find((setting) => setting.name === name)
    expect(of('PORT')).toMatchObject({ value: '4000', isGiven: true })
    expect(of('LOG_LEVEL')).toMatchObject({ value: 'info', isGiven: false })
    expect(of('PUBLIC_URL')).toMatchObject({ value: undefined, isGiven: false })
  })

  test('say of passwords and tokens no more than that they are set', () => {
    expect(JSON.stringify(settingsInForce(given))).not.toContain(secret)
    expect(settingsInForce(given).filter(({ value }) => value === 'set')).toHaveLength(3)
  })
})

describe('administration', () => {
  test('begins at the first page the role may open', async () => {
    const to = async (who: typeof web.owner) => (await web.request(who, '/admin')).headers.get('Location')
    expect(await to(web.owner)).toBe('/admin/users')
    expect(await to(web.viewer)).toBe('/admin/permissions')
  })

  test('is in the menu of whom it is for', async () => {
    const menu = async (who: typeof web.owner) =>
      (await (await web.request(who, '/account')).text()).includes('href="/admin"')
    expect([await menu(web.owner), await menu(web.viewer), await menu(web.colleague)]).toEqual([
      true,
      false,
      false,
    ])
  })
})
