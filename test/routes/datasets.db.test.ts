import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createApp } from '../../src/app.tsx'
import type { RunRequest, Runs } from '../../src/domain/pipeline/request-run.ts'
import { ok } from '../../src/domain/result.ts'
import { publicUrl } from '../support/app.ts'
import { allowedEntries } from '../support/audit.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'
import { acceptedRuns } from '../support/runs.ts'

const limit = 1024 * 1024
const asked: RunRequest[] = []
let web: TestPortal
const pretend: Runs['start'] = async (_caller, request) => {
  asked.push(request)
  return ok(`run_${asked.length}`)
}
let startRun = pretend

beforeAll(async () => {
  web = await testPortal(() => ({
    config: { publicUrl, secureCookies: false, maxUploadBytes: limit, secondFactor: 'optional' as const },
    runs: {
      start: (caller, request) => startRun(caller, request),
      cancel: async () => ok(undefined),
      resume: async () => ok(undefined),
    },
  }))
})
afterAll(() => web?.close())
beforeEach(() => {
  asked.length = 0
  startRun = pretend
})

/** Recognised as nothing in particular. */
const unsure = '{"a":1}\n{"a":2}\n'

const countDatasets = async () => (await web.deps.db.selectFrom('datasets').select('id').execute()).length

describe('uploading one file', () => {
  test('answers what was stored and recognised, and the page shows it', async () => {
    const answer = await web.upload(web.colleague, 'signals.jsonl', shareGpt(3))
    expect(answer.status).toBe(201)
    const received = await answer.json()
    expect(received).toMatchObject({
      name: 'signals.jsonl',
      bytes: Buffer.byteLength(shareGpt(3)),
      shape: 'ShareGPT',
      location: `/datasets/${received.datasetId}`,
    })
    const page = await web.request(web.colleague, received.location)
    expect(page.status).toBe(200)
    const text = await page.text()
    expect(text).toContain('Signal 0 guards the junction.')
    expect(text).toContain(received.sha256)
    const read = (await allowedEntries(web.adminUrl)).filter(({ action }) => action === 'dataset.read')
    expect(read.at(-1)).toMatchObject({ actorId: web.colleague.id, objectId: received.datasetId })
  })

  test('says so on its page when its source does not open any more, and it can still be deleted', async () => {
    const id = await web.dataset(web.colleague, 'lost.jsonl', shareGpt(2))
    const { objectId } = await web.deps.db
      .selectFrom('datasetFiles')
      .select('objectId')
      .where('datasetId', '=', id)
      .executeTakeFirstOrThrow()
    await web.deps.vault.remove({ owner: id, id: objectId, kind: 'source' })
    const page = await web.request(web.colleague, `/datasets/${id}`)
    expect(page.status).toBe(200)
    const text = await page.text()
    expect(text).toContain('The source does not open')
    expect(text).toContain('Type the name to confirm')
    expect((await web.request(web.colleague, `/datasets/${id}/mapping`)).status).toBe(200)
  })

  test('adds to a dataset of one’s own, and to nobody else’s', async () => {
    const id = await web.dataset(web.colleague, 'parts.jsonl', shareGpt(1))
    const own = await web.upload(web.colleague, 'part2.jsonl', shareGpt(2), `?dataset=${id}`)
    expect([own.status, (await own.json()).datasetId]).toEqual([201, id])
    const [datasets, stored] = [await countDatasets(), await web.storedFiles()]
    const foreign = await web.upload(web.outsider, 'part3.jsonl', shareGpt(1), `?dataset=${id}`)
    expect(foreign.status).toBe(404)
    expect([await countDatasets(), await web.storedFiles()]).toEqual([datasets, stored])
  })

  test('starts a run with the last file when it is sure, and only then', async () => {
    const early = await web.upload(web.colleague, 'first.jsonl', shareGpt(2), '?run=1')
    expect((await early.json()).runId).toBeUndefined()
    const last = await web.upload(web.colleague, 'last.jsonl', shareGpt(2), '?run=1&last=1')
    expect(await last.json()).toMatchObject({ runId: 'run_1', location: '/runs/run_1' })
    const doubtful = await web.upload(web.colleague, 'unsure.jsonl', unsure, '?run=1&last=1')
    expect((await doubtful.json()).runId).toBeUndefined()
    expect(asked).toHaveLength(1)
    expect(asked[0]?.configuration).toMatchObject({ mode: 'adaptive', threshold: 0.7, checks: 'all' })
  })

  test.each([
    ['unknown', `ds_${'0'.repeat(32)}`],
    ['malformed', 'parts'],
    ['empty', ''],
    ['hostile', '%00'],
  ])('refuses to add to a dataset whose id is %s, and stores nothing', async (_kind, dataset) => {
    const [datasets, stored] = [await countDatasets(), await web.storedFiles()]
    const answer = await web.upload(web.colleague, 'lost.jsonl', shareGpt(1), `?dataset=${dataset}`)
    expect(answer.status).toBe(404)
    expect((await answer.json()).message).toContain('The dataset this file belongs to is gone.')
    expect([await countDatasets(), await web.storedFiles()]).toEqual([datasets, stored])
  })

  test('refuses what is too large and leaves nothing of it', async () => {
    const [datasets, stored] = [await countDatasets(), await web.storedFiles()]
    const large = await web.upload(web.colleague, 'large.jsonl', shareGpt(60_000))
    expect(large.status).toBe(413)
    expect((await large.json()).message).toContain('larger than')
    expect([await countDatasets(), await web.storedFiles()]).toEqual([datasets, stored])
  })

  test('refuses an empty file, or none, and leaves nothing of it', async () => {
    const [datasets, stored] = [await countDatasets(), await web.storedFiles()]
    expect((await web.upload(web.colleague, 'empty.jsonl', '')).status).toBeGreaterThanOrEqual(400)
    const none = await web.request(web.colleague, '/datasets/files', {
      method: 'POST',
      body: new URLSearchParams({ a: '1' }),
      headers: { Accept: 'application/json' },
    })
    expect(none.status).toBe(422)
    expect([await countDatasets(), await web.storedFiles()]).toEqual([datasets, stored])
  })

  test('takes a file whose name is longer than a name may be', async () => {
    const name = `${'long'.repeat(40)}.jsonl`
    const answer = await web.upload(web.colleague, name, shareGpt(1), `?name=${name}`)
    expect(answer.status).toBe(201)
  })

  test('leaves nothing of an upload that breaks off', async () => {
    const [datasets, stored] = [await countDatasets(), await web.storedFiles()]
    const head = '--cut\r\nContent-Disposition: form-data; name="file"; filename="cut.jsonl"\r\n\r\n'
    const cut = (end: (controller: ReadableStreamDefaultController) => void) => {
      let isSent = false
      return web.request(web.colleague, '/datasets/files', {
        ...{ duplex: 'half' },
        method: 'POST',
        headers: { Accept: 'application/json', 'Content-Type': 'multipart/form-data; boundary=cut' },
        body: new ReadableStream({
          // Asked again when the first part was taken: then the sender goes.
          pull(controller) {
            if (isSent) end(controller)
            else controller.enqueue(Buffer.from(head + shareGpt(2_000)))
            isSent = true
          },
        }),
      })
    }
    const failed = await cut((controller) => controller.error(new Error('the sender is gone')))
    expect(failed.status).toBeGreaterThanOrEqual(400)
    const ended = await cut((controller) => controller.close())
    expect(ended.status).toBeGreaterThanOrEqual(400)
    expect([await countDatasets(), await web.storedFiles()]).toEqual([datasets, stored])
  })

  test('is refused to who only reads', async () => {
    expect((await web.upload(web.viewer, 'mine.jsonl', shareGpt(1))).status).toBe(403)
  })
})

describe('running a dataset once all its files have arrived', () => {
  const start = (id: string, who = web.colleague) =>
    web.request(who, `/datasets/${id}/unattended-run`, {
      method: 'POST',
      headers: { Accept: 'application/json' },
    })

  test('starts the run, also when the last file was refused', async () => {
    const id = await web.dataset(web.colleague, 'all 1.jsonl', shareGpt(2))
    await web.upload(web.colleague, 'all 2.jsonl', shareGpt(2), `?dataset=${id}`)
    expect((await web.upload(web.colleague, 'all 3.jsonl', '', `?dataset=${id}`)).ok).toBe(false)
    const answer = await start(id)
    expect([answer.status, await answer.json()]).toEqual([201, { runId: 'run_1', location: '/runs/run_1' }])
    expect(asked).toMatchObject([{ datasetIds: [id], configuration: { mode: 'adaptive', checks: 'all' } }])
  })

  test('starts none while one of the files is unsure, until a person has mapped them', async () => {
    const id = await web.dataset(web.colleague, 'doubt 1.jsonl', unsure)
    const last = await web.upload(web.colleague, 'doubt 2.jsonl', shareGpt(2), `?dataset=${id}&run=1&last=1`)
    expect((await last.json()).runId).toBeUndefined()
    const answer = await start(id)
    expect([answer.status, (await answer.json()).message]).toEqual([
      409,
      'No run was started: look at the mapping first, then press Run.',
    ])
    expect(asked).toEqual([])
    await web.post(web.colleague, `/datasets/${id}/mapping`, {
      shape: 'exchange',
      instructionField: 'a',
      outputField: 'a',
    })
    expect((await start(id)).status).toBe(201)
  })

  test('starts none over a dataset that is not there, or is someone else’s', async () => {
    const id = await web.dataset(web.colleague, 'mine.jsonl', shareGpt(2))
    expect([(await start(id, web.outsider)).status, (await start('ds_none')).status]).toEqual([404, 404])
    expect(asked).toEqual([])
  })
})

describe('asking twice for the run of a dataset', () => {
  const ask = (id: string, who = web.colleague, key: Record<string, string> = {}, portal = web.app) =>
    portal.request(`${publicUrl}/datasets/${id}/unattended-run`, {
      method: 'POST',
      headers: { Accept: 'application/json', 'Sec-Fetch-Site': 'same-origin', Cookie: who.cookie, ...key },
    })
  const start = async (...asks: Parameters<typeof ask>) => {
    const answer = await ask(...asks)
    const { runId } = await answer.json()
    return { status: answer.status, runId: String(runId) }
  }
  const runsOf = (datasetId: string) =>
    web.deps.db.selectFrom('runInputs').select('runId').where('datasetId', '=', datasetId).execute()
  const finish = (runId: string) =>
    web.deps.db.updateTable('runs').set({ status: 'completed' }).where('id', '=', runId).execute()

  beforeEach(() => {
    startRun = acceptedRuns(web).start
  })

  test('answers with the run that is under way, one after the other or at once', async () => {
    const id = await web.dataset(web.colleague, 'twice.jsonl', shareGpt(2))
    const first = await start(id)
    expect(first.status).toBe(201)
    expect(await start(id)).toEqual({ status: 200, runId: first.runId })
    const other = await web.dataset(web.colleague, 'at once.jsonl', shareGpt(2))
    const answers = await Promise.all([start(other), start(other), start(other)])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201])
    expect([(await runsOf(id)).length, (await runsOf(other)).length]).toEqual([1, 1])
  })

  test('starts one when two processes are asked at once', async () => {
    const id = await web.dataset(web.colleague, 'two processes.jsonl', shareGpt(2))
    const beside = createApp({
      ...web.deps,
      runs: { ...web.deps.runs, start: (caller, request) => startRun(caller, request) },
    })
    const answers = await Promise.all([web.app, beside].map((app) => start(id, web.colleague, {}, app)))
    expect(new Set(answers.map(({ runId }) => runId)).size).toBe(1)
    expect(await runsOf(id)).toHaveLength(1)
  })

  test('repeats nothing for the same Idempotency-Key, also when the run has ended', async () => {
    const id = await web.dataset(web.colleague, 'keyed.jsonl', shareGpt(2))
    const key = { 'Idempotency-Key': 'the last file of keyed' }
    const first = await start(id, web.colleague, key)
    expect(first.status).toBe(201)
    await finish(first.runId)
    expect(await start(id, web.colleague, key)).toEqual({ status: 200, runId: first.runId })
    expect((await start(id, web.colleague, { 'Idempotency-Key': 'another' })).status).toBe(201)
    const other = await web.dataset(web.colleague, 'keyed too.jsonl', shareGpt(2))
    expect((await ask(other, web.colleague, key)).status).toBe(409)
    expect((await ask(id, web.colleague, { 'Idempotency-Key': '' })).status).toBe(400)
  })

  test('starts another one once it has ended, or when a file or a mapping came since', async () => {
    const id = await web.dataset(web.colleague, 'again.jsonl', shareGpt(2))
    const first = await start(id)
    await finish(first.runId)
    const second = await start(id)
    web.advance(1)
    await web.upload(web.colleague, 'more.jsonl', shareGpt(3), `?dataset=${id}`)
    const third = await start(id)
    web.advance(1)
    await web.post(web.colleague, `/datasets/${id}/mapping`, {
      shape: 'exchange',
      instructionField: 'a',
      outputField: 'b',
    })
    const fourth = await start(id)
    expect([first, second, third, fourth].map(({ status }) => status)).toEqual([201, 201, 201, 201])
    expect(await runsOf(id)).toHaveLength(4)
  })

  test('does not count a run that a person configured; one that an administrator started is its owner’s too', async () => {
    const id = await web.dataset(web.colleague, 'other.jsonl', shareGpt(2))
    await web.post(web.colleague, `/datasets/${id}/runs`, {
      mode: 'sequential',
      threshold: '0.1',
      targets: 'chatml',
      formats: 'jsonl',
    })
    const byAdministrator = await start(id, web.owner)
    const own = await start(id)
    expect([byAdministrator.status, own.status]).toEqual([201, 200])
    expect(own.runId).toBe(byAdministrator.runId)
    expect(await runsOf(id)).toHaveLength(2)
  })
})

describe('uploading without script', () => {
  test('makes one dataset of all files, or one of each', async () => {
    const files = { 'a.jsonl': shareGpt(2), 'b.jsonl': shareGpt(3) }
    const before = await countDatasets()
    const together = await web.uploadForm(web.colleague, { name: 'Both', together: 'yes' }, files)
    expect(together.status).toBe(303)
    expect(await countDatasets()).toBe(before + 1)
    const apart = await web.uploadForm(web.colleague, { name: '', together: 'no' }, files)
    expect([apart.status, apart.headers.get('Location')]).toEqual([303, '/datasets'])
    expect(await countDatasets()).toBe(before + 3)
  })

  test('says so when more files came than are taken at once', async () => {
    const files = Object.fromEntries(Array.from({ length: 102 }, (_, at) => [`${at}.jsonl`, shareGpt(1)]))
    const answer = await web.uploadForm(web.colleague, { name: 'Many', together: 'yes' }, files)
    expect(answer.status).toBe(422)
    const page = await answer.text()
    expect(page).toContain('more than 100 files')
    expect(page).toContain('99.jsonl')
    expect(page).not.toContain('100.jsonl')
  })

  test('goes to the run it started', async () => {
    const fields = { name: '', together: 'yes', run: '1' }
    const answer = await web.uploadForm(web.colleague, fields, { 'c.jsonl': shareGpt(2) })
    expect([answer.status, answer.headers.get('Location')]).toEqual([303, '/runs/run_1'])
  })

  test('goes to the dataset that was too unsure to run, and says so there', async () => {
    const fields = { name: '', together: 'yes', run: '1' }
    const answer = await web.uploadForm(web.colleague, fields, { 'd.jsonl': unsure })
    const place = answer.headers.get('Location') ?? ''
    expect([answer.status, place]).toEqual([303, expect.stringMatching(/^\/datasets\/ds_[0-9a-f]{32}\?/)])
    expect(await (await web.request(web.colleague, place)).text()).toContain(
      'No run was started: what was detected is too unsure.',
    )
    const [later = ''] = place.split('?')
    expect(await (await web.request(web.colleague, later)).text()).not.toContain('No run was started')
    expect(asked).toEqual([])
  })

  test('runs those of several datasets that are sure, and says that not all were', async () => {
    const fields = { name: '', together: 'no', run: '1' }
    const files = { 'e.jsonl': shareGpt(2), 'f.jsonl': unsure }
    const answer = await web.uploadForm(web.colleague, fields, files)
    const place = answer.headers.get('Location') ?? ''
    expect(place).toMatch(/^\/datasets\?/)
    expect(await (await web.request(web.colleague, place)).text()).toContain('Not every dataset was run.')
    expect(asked).toHaveLength(1)
  })

  test('says of several files which were kept and which refused, and runs those kept', async () => {
    const files = { 'kept 1.jsonl': shareGpt(2), 'broken.parquet': 'PAR1', 'kept 2.jsonl': shareGpt(3) }
    const before = await countDatasets()
    const together = await web.uploadForm(web.colleague, { name: 'Some', together: 'yes', run: '1' }, files)
    const text = await together.text()
    expect(together.status).toBe(422)
    expect(text).not.toContain('Nothing was uploaded')
    expect(text).toContain('Refused: 1 of 3 files')
    expect(text).toMatch(/broken\.parquet: \S+/)
    expect(text.match(/kept \d\.jsonl/g)).toEqual(['kept 1.jsonl', 'kept 2.jsonl'])
    expect(text).toContain('href="/runs/run_1"')
    expect(await countDatasets()).toBe(before + 1)
    expect(asked).toHaveLength(1)

    const mixed = { 'sure.jsonl': shareGpt(2), 'empty.jsonl': '', 'doubtful.jsonl': unsure }
    const apart = await (
      await web.uploadForm(web.colleague, { name: '', together: 'no', run: '1' }, mixed)
    ).text()
    expect(apart).toMatch(/empty\.jsonl: \S+/)
    expect(apart).toContain('No run was started: look at the mapping first, then press Run.')
    expect(await countDatasets()).toBe(before + 3)
    expect(asked).toHaveLength(2)
  })

  test('starts no run for those kept when none was asked for', async () => {
    const files = { 'quiet.jsonl': shareGpt(2), 'nothing.jsonl': '' }
    const answer = await web.uploadForm(web.colleague, { name: '', together: 'yes' }, files)
    expect(await answer.text()).toContain('quiet.jsonl')
    expect(asked).toEqual([])
  })

  test('says that nothing was uploaded when every file was refused', async () => {
    const answer = await web.uploadForm(web.colleague, { name: '', together: 'no' }, { 'no.jsonl': '' })
    expect(await answer.text()).toContain('Nothing was uploaded')
  })

  test('comes back with the reason when nothing was chosen', async () => {
    const answer = await web.uploadForm(web.colleague, { name: 'None', together: 'yes' }, {})
    expect(answer.status).toBe(422)
    expect(await answer.text()).toContain('Choose at least one file.')
  })
})

describe('choosing datasets', () => {
  const rowOf = (page: string, id: string) =>
    new RegExp(`<input[^>]*id="choose-${id}"[^>]*>`).exec(page)?.[0] ?? ''

  test('is offered to who may start runs, and goes along with pages and filters', async () => {
    const one = await web.dataset(web.colleague, 'choice one.jsonl', shareGpt(1))
    const two = await web.dataset(web.colleague, 'choice two.jsonl', shareGpt(1))
    const read = async (query: string, who = web.colleague) =>
      (await web.request(who, `/datasets?${query}`)).text()
    const page = await read(`dataset=${one}&dataset=${one}&dataset=<script>`)
    expect(rowOf(page, one)).toContain('checked')
    expect(rowOf(page, two)).not.toContain('checked')
    expect(page).toContain('formaction="/runs/new"')
    expect(page).not.toContain('type="hidden"')
    // Not on this page, and still chosen.
    const other = await read(`q=choice two&dataset=${one}`)
    expect(other.split(`<input type="hidden" name="dataset" value="${one}"/>`)).toHaveLength(2)
    expect(other).toContain('1 chosen before are not on this page')
    expect(await read('', web.viewer)).not.toContain('formaction')
  })

  test('says so when nothing was ticked, with the filter as it was', async () => {
    const answer = await web.request(web.colleague, '/runs/new?q=choice&status=')
    const place = answer.headers.get('Location') ?? ''
    expect([answer.status, place]).toEqual([303, '/datasets?q=choice&notice=none-chosen'])
    expect(await (await web.request(web.colleague, place)).text()).toContain('No dataset was chosen.')
  })
})

describe('a dataset', () => {
  let id: string
  beforeAll(async () => {
    id = await web.dataset(web.colleague, 'junction 100%.jsonl', shareGpt(5))
  })

  test('is its owner’s and the administrators’; to others it is as if it were not', async () => {
    for (const member of [web.colleague, web.owner]) {
      expect((await web.request(member, `/datasets/${id}`)).status).toBe(200)
      expect(await (await web.request(member, '/datasets')).text()).toContain(id)
    }
    for (const path of ['', '/mapping', '/delete']) {
      const foreign = await web.request(web.outsider, `/datasets/${id}${path}`)
      const absent = await web.request(web.outsider, `/datasets/ds_none${path}`)
      expect([foreign.status, absent.status]).toEqual([404, 404])
      expect(await foreign.text()).toBe(await absent.text())
    }
    for (const path of ['/mapping', '/runs', '/unattended-run', '/delete']) {
      const refused = await web.post(web.outsider, `/datasets/${id}${path}`, { name: 'junction 100%.jsonl' })
      expect(refused.status).toBe(404)
    }
    expect(await (await web.request(web.outsider, '/datasets')).text()).not.toContain(id)
    expect(asked).toEqual([])
  })

  test('is found by its name, literally, and by its state; empty filters mean any', async () => {
    const list = async (query: string) => (await web.request(web.colleague, `/datasets?${query}`)).text()
    expect(await list('q=JUNCTION&status=none')).toContain(id)
    expect(await list('q=100%25')).toContain(id)
    expect(await list('q=junct%25%25')).not.toContain(id)
    expect(await list('status=failed')).not.toContain(id)
    expect(await list('q=&status=&page=')).toContain(id)
  })

  test('is found by its id', async () => {
    expect(await (await web.request(web.colleague, `/datasets?q=${id}&status=`)).text()).toContain(
      `href="/datasets/${id}"`,
    )
  })

  test('shows the record that its links step to', async () => {
    const first = await (await web.request(web.colleague, `/datasets/${id}`)).text()
    const next = /href="(\/datasets\/[^"#]*)#sample"/.exec(first)?.[1] ?? ''
    const second = await (await web.request(web.colleague, next)).text()
    expect(second).toContain('Signal 1 guards the junction.')
  })

  test('takes a person’s mapping, with an audit entry, and refuses half of one', async () => {
    const send = (fields: Record<string, string>) =>
      web.post(web.colleague, `/datasets/${id}/mapping`, fields)
    const refused = await send({ shape: 'exchange', instructionField: 'question', outputField: '' })
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain('question')
    expect((await send({ shape: 'turns', roleField: 'from', textField: 'value' })).status).toBe(422)
    const saved = await web.request(web.colleague, `/datasets/${id}/mapping`, {
      method: 'POST',
      body: new URLSearchParams([
        ['shape', 'turns'],
        ['turnsField', 'conversations'],
        ['roleField', 'from'],
        ['textField', 'value'],
        ['roleName', 'Human'],
        ['roleAs', 'user'],
        ['roleName', 'gpt'],
        ['roleAs', 'assistant'],
        ['roleName', ''],
        ['roleAs', 'user'],
      ]),
    })
    expect([saved.status, saved.headers.get('Location')]).toEqual([303, `/datasets/${id}`])
    const { mapping } = await web.deps.db
      .selectFrom('datasets')
      .select('mapping')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    expect(mapping).toMatchObject({ roles: { human: 'user', gpt: 'assistant' } })
    const changes = (await allowedEntries(web.adminUrl)).filter(
      ({ action, objectId }) => action === 'dataset.update' && objectId === id,
    )
    expect(changes).toHaveLength(1)
  })

  test('is run as asked; no check ticked means none', async () => {
    const started = await web.request(web.colleague, `/datasets/${id}/runs`, {
      method: 'POST',
      body: new URLSearchParams([
        ['mode', 'sequential'],
        ['threshold', '0.5'],
        ['redact', 'email'],
        ['redact', 'ip'],
        ['targets', 'chatml'],
        ['targets', 'openai'],
        ['formats', 'parquet'],
      ]),
    })
    expect([started.status, started.headers.get('Location')]).toEqual([303, '/runs/run_1'])
    expect(asked).toEqual([
      {
        datasetIds: [id],
        configuration: {
          mode: 'sequential',
          threshold: 0.5,
          checks: 'none',
          redact: ['email', 'ip'],
          targets: ['chatml', 'openai'],
          formats: ['parquet'],
        },
      },
    ])
  })

  test.each([
    ['targets', { threshold: '0.5', formats: 'jsonl' }, 'at least one template'],
    ['threshold', { threshold: 'much', targets: 'chatml', formats: 'jsonl' }, 'number from 0 to 1'],
  ])('is not run with wrong %s', async (_field, fields, sentence) => {
    const refused = await web.post(web.colleague, `/datasets/${id}/runs`, fields)
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain(sentence)
    expect(asked).toEqual([])
  })

  test('says before its deletion what is lost, with a form to do it and a way back', async () => {
    const answer = await web.request(web.colleague, `/datasets/${id}/delete`)
    expect(answer.status).toBe(200)
    const page = await answer.text()
    for (const part of [
      'Delete junction 100%.jsonl?',
      '1 source file',
      '0 runs and 0 exports',
      `<form method="post" action="/datasets/${id}/delete">`,
      `href="/datasets/${id}">Cancel</a>`,
    ]) {
      expect(page.replaceAll('\u00a0', ' ')).toContain(part)
    }
  })

  test('is deleted only under its exact name, and then gone with its bytes', async () => {
    const stored = await web.storedFiles()
    const remove = (name: string) => web.post(web.colleague, `/datasets/${id}/delete`, { name })
    const refused = await remove('junction')
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain('The name typed is not “junction 100%.jsonl”.')
    expect((await web.request(web.colleague, `/datasets/${id}`)).status).toBe(200)
    const gone = await remove('junction 100%.jsonl')
    expect(gone.status).toBe(303)
    expect(gone.headers.get('Location')).toMatch(/^\/admin\/deletions\/del_[0-9a-f]{32}$/)
    expect((await web.request(web.colleague, `/datasets/${id}`)).status).toBe(404)
    expect(await web.storedFiles()).toBeLessThan(stored)
  })
})
