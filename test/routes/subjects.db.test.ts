import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { auditEntries } from '../support/audit.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'

let web: TestPortal
let id: string
let subject: string
beforeAll(async () => {
  web = await testPortal()
})
afterAll(() => web?.close())
beforeEach(async () => {
  subject = `patient-${randomBytes(6).toString('hex')}`
  const lines = ['someone', subject, 'another'].map((patient, at) =>
    JSON.stringify({
      patient,
      conversations: [
        { from: 'human', value: `What is signal ${at}?` },
        { from: 'gpt', value: `Signal ${at} guards the junction.` },
      ],
    }),
  )
  id = await web.dataset(web.colleague, 'talks.jsonl', `${lines.join('\n')}\n`)
  const saved = await web.post(web.colleague, `/datasets/${id}/mapping`, {
    shape: 'turns',
    turnsField: 'conversations',
    roleField: 'from',
    textField: 'value',
    subjectField: 'patient',
    roleName: 'human',
    roleAs: 'user',
  })
  expect(saved.status).toBe(303)
})

const text = async (path: string) =>
  (await (await web.request(web.owner, path)).text()).replaceAll('\u00a0', ' ')
const search = async (asked = subject) => {
  const answer = await web.post(web.owner, '/admin/subjects', { subject: asked })
  return answer.headers.get('Location') ?? ''
}

describe('the records about someone', () => {
  test('are found, confirmed and removed, and the id is in no address, page or log', async () => {
    const path = await search(` ${subject}\t`)
    expect(path).toMatch(/^\/admin\/deletions\/del_[0-9a-f]{32}$/)
    const found = await text(path)
    expect(found).toContain('Remove these records?')
    expect(found).toContain('1 record goes')
    expect(found).not.toContain(subject)
    expect((await web.request(web.owner, `${path}/certificate`)).status).toBe(409)
    const confirmed = await web.post(web.owner, `${path}/confirmation`)
    expect([confirmed.status, confirmed.headers.get('Location')]).toEqual([303, path])
    const certificate = await text(path)
    expect(certificate).toContain('Certificate of deletion')
    expect(certificate).toContain(id)
    const json = await (await web.request(web.owner, `${path}/certificate`)).text()
    expect(JSON.parse(json)).toMatchObject({
      kind: 'subject',
      datasets: [{ datasetId: id, recordsRemoved: 1 }],
    })
    const page = await (await web.request(web.colleague, `/datasets/${id}?sample=2`)).text()
    expect(page).not.toContain(subject)
    expect([...web.logged, json, certificate].join('')).not.toContain(subject)
    expect(JSON.stringify(await auditEntries(web.adminUrl))).not.toContain(subject)
    expect((await web.post(web.owner, `${path}/confirmation`)).status).toBe(409)
  })

  test('the page of the dataset says so while they are being removed', async () => {
    const page = async () => (await web.request(web.colleague, `/datasets/${id}`)).text()
    expect(await page()).toContain('name="mode"')
    const deletionId = (await search()).split('/').at(-1) ?? ''
    await web.deps.db.updateTable('datasets').set({ deletionId }).where('id', '=', id).execute()
    expect(await page()).toContain('are being removed from this dataset right now')
    expect(await page()).not.toContain('name="mode"')
    await web.deps.db.updateTable('datasets').set({ deletionId: null }).where('id', '=', id).execute()
    expect(await page()).not.toContain('are being removed')
  })

  test('stay when nothing is to be removed', async () => {
    const path = await search()
    expect((await web.post(web.owner, `${path}/discarding`)).status).toBe(303)
    expect(await text(path)).toContain('Discarded')
    expect((await web.post(web.owner, `${path}/confirmation`)).status).toBe(409)
    expect(await text(await search())).toContain('1 record goes')
  })

  test('of nobody we know are none: nothing is asked, and what to do is said', async () => {
    await web.dataset(web.colleague, 'unnamed.jsonl', shareGpt(1))
    const path = await search('nobody at all')
    const page = await text(path)
    expect(page).toContain('Nothing was found that could be removed')
    expect(page).toMatch(/\d+ datasets? names? a subject in the mapping/)
    expect(page).toMatch(/the subject id typed on\s*<time datetime="[^"]+">[^<]+ UTC</)
    expect(page).toMatch(/\d+ datasets? (was|were) left out/)
    expect(page).toContain('href="/admin/subjects"')
    for (const no of ['Remove these records?', 'Remove the records', 'To confirm', 'nobody at all']) {
      expect(page).not.toContain(no)
    }
    expect(await text('/admin/deletions')).toMatch(
      /Search for the records of one subject[\s\S]*?Nothing found/,
    )
    expect((await web.post(web.owner, `${path}/confirmation`)).status).toBe(409)
    expect((await web.post(web.owner, `${path}/discarding`)).status).toBe(303)
    expect(await text(path)).toContain('Discarded')
  })

  test('of nobody are asked for with an empty id, which is refused', async () => {
    const refused = await web.post(web.owner, '/admin/subjects', { subject: '  ' })
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain('Give the subject id')
  })

  test('are for administrators alone, who have proven who they are just now', async () => {
    const path = await search()
    for (const who of [web.moderator, web.colleague, web.viewer]) {
      expect((await web.request(who, '/admin/subjects')).status).toBe(403)
      expect((await web.post(who, '/admin/subjects', { subject })).status).toBe(403)
      expect((await web.post(who, `${path}/confirmation`)).status).toBe(403)
      expect((await web.request(who, path)).status).toBe(404)
    }
    web.advance(6 * 60)
    const asked = await web.post(web.owner, '/admin/subjects', { subject })
    expect([asked.status, asked.headers.get('Location')?.startsWith('/step-up')]).toEqual([303, true])
  })
})
