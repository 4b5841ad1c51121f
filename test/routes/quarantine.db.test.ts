import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readLineage, readRepairRefs } from '../../src/db/repairs.ts'
import type { Caller } from '../../src/domain/audit/entry.ts'
import { longestProposal } from '../../src/domain/pipeline/propose-repair.ts'
import { readRepairs } from '../../src/domain/pipeline/repairs.ts'
import type { Runs } from '../../src/domain/pipeline/request-run.ts'
import { RunConfiguration } from '../../src/domain/pipeline/run.ts'
import { allowedEntries, asAdmin, auditEntries } from '../support/audit.ts'
import { shareGpt, type TestPortal } from '../support/portal.ts'
import { portalWithRuns } from '../support/runs.ts'

let web: TestPortal
let runs: Runs
beforeAll(async () => {
  const portal = await portalWithRuns()
  web = portal.web
  runs = portal.runs
})
afterAll(() => web?.close())

const good = shareGpt(3).trimEnd().split('\n')
/** Words that may be nowhere but in the vault. */
const secret = 'Zimtschnecke'
const pythonic = `{'conversations': [{'from': 'human', 'value': '${secret}?'}, {'from': 'gpt', 'value': "It's"}]}`
const cut = `{"conversations":[{"from":"human","value":"${secret} and <b>tea</b>`
const hopeless = `{"conversations" ${secret}}`

interface Quarantined {
  readonly runId: string
  readonly datasetId: string
  readonly path: (ordinal: number) => string
}

/** Good lines at the end: a file is JSON Lines, and not refused when it is uploaded, where half of its lines are good. */
const fileOf = (lines: readonly string[]): string =>
  `${[...lines, ...Array.from({ length: Math.min(lines.length, 50) }, () => good[2])].join('\n')}\n`

/** A run that has ended, as the pipeline would leave it: each line but the good ones is kept aside. */
async function quarantined(
  lines: readonly string[],
  { name = 'signals.jsonl', reason = 'json-invalid', stage = 'ingestion' as const } = {},
): Promise<Quarantined> {
  const { db } = web.deps
  const datasetId = await web.dataset(web.colleague, name, fileOf(lines))
  const caller: Caller = { actor: { kind: 'user', id: web.colleague.id }, requestId: 'req_test' }
  const started = await runs.start(caller, {
    datasetIds: [datasetId],
    configuration: RunConfiguration.parse({ threshold: 0.3 }),
  })
  if (!started.ok) throw new Error(started.problem.message)
  const runId = started.value
  const { id: fileId } = await db
    .selectFrom('datasetFiles')
    .select('id')
    .where('datasetId', '=', datasetId)
    .executeTakeFirstOrThrow()
  let byteOffset = 0
  const rows = lines.flatMap((line, ordinal) => {
    const row = { runId, stage, datasetId, ordinal, fileId, unit: ordinal, line: ordinal + 1, byteOffset }
    byteOffset += Buffer.byteLength(line) + 1
    return good.includes(line) ? [] : [{ ...row, reason: line === cut ? 'json-unexpected-end' : reason }]
  })
  for (let at = 0; at < rows.length; at += 1_000) {
    await db
      .insertInto('quarantine')
      .values(rows.slice(at, at + 1_000))
      .execute()
  }
  await end(runId)
  return { runId, datasetId, path: (ordinal) => `/runs/${runId}/quarantine/${datasetId}/${ordinal}` }
}

const end = (runId: string) =>
  web.deps.db.updateTable('runs').set({ status: 'cancelled' }).where('id', '=', runId).execute()

const read = async (path: string, who = web.colleague) => (await web.request(who, path)).text()

const repairOf = async ({ runId, datasetId }: Quarantined, ordinal: number) => {
  const refs = await readRepairRefs(web.deps.db, [runId], datasetId, ordinal, ordinal + 1, new Date(8e15))
  return (await readRepairs(web.deps.vault, refs)).get(datasetId)?.get(ordinal)
}

const edit = (path: string, text: string, who = web.colleague) => {
  const body = new FormData()
  body.append('kind', 'edited')
  body.append('text', text)
  return web.request(who, `${path}/repair`, { method: 'POST', body })
}
const propose = (path: string, who = web.colleague) => web.post(who, `${path}/repair`, { kind: 'proposed' })

const lastAudit = async () => (await auditEntries(web.adminUrl)).at(-1)

describe('a quarantined record', () => {
  let kept: Quarantined
  beforeAll(async () => {
    kept = await quarantined([good[0] ?? '', pythonic, cut, hopeless, good[1] ?? '', '[1,,2]'])
  })

  test('is repaired by a form, and by nothing else', async () => {
    for (const path of [`${kept.path(3)}/repair`, `/runs/${kept.runId}/quarantine/repairs`]) {
      for (const [type, body] of [
        ['application/json', '{"kind":"edited","text":"{}"}'],
        ['text/plain', 'kind=edited'],
        [undefined, undefined],
      ]) {
        const answer = await web.request(web.colleague, path, {
          method: 'POST',
          headers: type === undefined ? {} : { 'Content-Type': type },
          ...(body === undefined ? {} : { body }),
        })
        expect(answer.status, `${path} ${type}`).toBeGreaterThanOrEqual(409)
        expect(answer.status, `${path} ${type}`).toBeLessThan(500)
      }
    }
  })

  test('is reached from the list, and leads to its neighbours with the same reason', async () => {
    const list = await read(`/runs/${kept.runId}/quarantine`)
    expect(list).toContain(`href="${kept.path(1)}"`)
    const page = await read(kept.path(3))
    expect(page).toContain('2 of 3 with this reason')
    expect(page).toContain(`href="${kept.path(1)}" rel="prev"`)
    expect(page).toContain(`href="${kept.path(5)}" rel="next"`)
    expect(await read(kept.path(1))).not.toContain('rel="prev"')
    expect(await read(kept.path(5))).not.toContain('rel="next"')
  })

  test('is shown with its reason, its place and its text, the place marked that is wrong', async () => {
    const page = await read(kept.path(3))
    expect(page).toContain('Not valid JSON')
    expect(page).toContain('signals.jsonl')
    expect(page).toMatch(/<dt>Line<\/dt><dd>4<\/dd>/)
    expect(page).toContain(`{&quot;conversations&quot; <mark>Z</mark>imtschnecke}`)
    expect(page).not.toContain('Apply this repair')
  })

  test('is shown as text, whatever it says', async () => {
    const page = await read(kept.path(2))
    expect(page).not.toContain('<b>tea')
    expect(page).toContain('&lt;b&gt;tea&lt;/b&gt;<mark class="source__end">ends here</mark>')
  })

  test('is on record as read, by whom, before it is shown', async () => {
    await read(kept.path(1))
    expect(await lastAudit()).toMatchObject({
      actorId: web.colleague.id,
      action: 'record.read',
      objectType: 'run',
      objectId: kept.runId,
    })
  })

  test('of someone else’s run is as if it were not, whatever is asked of it', async () => {
    const before = (await allowedEntries(web.adminUrl)).length
    const absent = `/runs/run_none/quarantine/${kept.datasetId}/1`
    const foreign = await web.request(web.outsider, kept.path(1))
    const none = await web.request(web.outsider, absent)
    expect([foreign.status, none.status]).toEqual([404, 404])
    expect(await foreign.text()).toBe(await none.text())
    expect((await propose(kept.path(1), web.outsider)).status).toBe(404)
    expect((await edit(kept.path(1), '{}', web.outsider)).status).toBe(404)
    expect((await web.post(web.outsider, `${kept.path(1)}/repair/removal`)).status).toBe(404)
    const query = `stage=ingestion&reason=json-invalid`
    expect((await web.request(web.outsider, `/runs/${kept.runId}/quarantine/repairs?${query}`)).status).toBe(
      404,
    )
    expect((await web.post(web.outsider, `/runs/${kept.runId}/quarantine/repairs`, {})).status).toBe(404)
    expect((await web.post(web.outsider, `/runs/${kept.runId}/follow-up`)).status).toBe(404)
    expect((await allowedEntries(web.adminUrl)).length).toBe(before)
  })

  test('that is not in quarantine, or not a number, is not there', async () => {
    expect((await web.request(web.colleague, kept.path(0))).status).toBe(404)
    expect((await web.request(web.colleague, kept.path(99))).status).toBe(404)
    expect(
      (await web.request(web.colleague, `/runs/${kept.runId}/quarantine/${kept.datasetId}/x`)).status,
    ).toBe(404)
    expect((await web.request(web.colleague, `/runs/${kept.runId}/quarantine/ds_none/1`)).status).toBe(404)
  })

  test('is repaired by nobody who only reads', async () => {
    expect((await propose(kept.path(1), web.viewer)).status).toBe(403)
    expect((await web.post(web.viewer, `/runs/${kept.runId}/follow-up`)).status).toBe(403)
  })
})

describe('long and other records', () => {
  test('are shown around what is wrong with them, and beyond a mebibyte not repaired here', async () => {
    const filler = 'x'.repeat(100_000)
    const kept = await quarantined([
      ...good,
      `{"a":"${filler}","b" 1,"c":"${filler}"}`,
      `{"a":"${'y'.repeat(longestProposal)}`,
      `{"a":"${'z'.repeat(700_000)}"`,
    ])
    const page = await read(kept.path(3))
    expect(page).toContain('&quot;b&quot; <mark>1</mark>,&quot;c&quot;')
    expect(page.slice(0, page.indexOf('<textarea')).length).toBeLessThan(80_000)
    const longest = await read(kept.path(4))
    expect(longest).toContain('too long to be edited here')
    expect(longest.length).toBeLessThan(100_000)
    expect((await propose(kept.path(4))).status).toBe(409)
    const long = await read(kept.path(5))
    expect(long).toContain('too long to be edited here')
    expect((await propose(kept.path(5))).status).toBe(303)
    expect(await read(kept.path(5))).toContain('Take back')
  })

  test('of other stages say which field is at fault, and can be edited', async () => {
    const line = '{"conversations":[{"from":"human","value":"Hi"},{"from":"narrator","value":"Then"}]}'
    const kept = await quarantined([good[0] ?? '', line, good[1] ?? ''], {
      reason: 'unknown-role',
      stage: 'standardization' as never,
    })
    const page = await read(kept.path(1))
    expect(page).toContain('<mark>narrator</mark>')
    expect(page).not.toContain('Apply this repair')
    expect((await edit(kept.path(1), line.replace('narrator', 'gpt'))).status).toBe(303)
    expect(await repairOf(kept, 1)).toContain('gpt')
  })

  test('of a table stand as they were written, and are edited by the names of their columns', async () => {
    const lines = ['instruction,input,output', 'What?,,That.', 'Who?,,"This, or', 'When?,,Then.', 'a,b,c,d']
    const { db } = web.deps
    const kept = await quarantined(lines, { name: 'table.csv', reason: 'csv-field-count' })
    // The header is no record: ordinals and units of rows begin behind it.
    await db.deleteFrom('quarantine').where('runId', '=', kept.runId).where('ordinal', '<', 4).execute()
    const page = await read(kept.path(4))
    expect(page).toContain('<mark>a,b,c,d</mark>')
    expect(page).toContain('&quot;output&quot;: &quot;c,d&quot;')
    expect(page).not.toContain('Apply this repair')
  })

  test('of a file in another encoding are read in it', async () => {
    const text = `${good[0]}\n{"a":"größer`
    const body = new FormData()
    body.append('file', new File([Buffer.from(`\ufeff${text}`, 'utf16le')], 'wide.jsonl'))
    const answer = await web.request(web.colleague, '/datasets/files', {
      method: 'POST',
      body,
      headers: { Accept: 'application/json' },
    })
    const { datasetId } = await answer.json()
    const { db } = web.deps
    const model = await quarantined([pythonic])
    const started = await runs.start(
      { actor: { kind: 'user', id: web.colleague.id }, requestId: 'req_test' },
      { datasetIds: [datasetId], configuration: RunConfiguration.parse({}) },
    )
    if (!started.ok) throw new Error(started.problem.message)
    const { id: fileId } = await db
      .selectFrom('datasetFiles')
      .select('id')
      .where('datasetId', '=', datasetId)
      .executeTakeFirstOrThrow()
    await db
      .updateTable('quarantine')
      .set({
        runId: started.value,
        datasetId,
        fileId,
        ordinal: 1,
        unit: 1,
        line: 2,
        byteOffset: Buffer.byteLength(`${good[0]}\n`),
        reason: 'json-unexpected-end',
      })
      .where('runId', '=', model.runId)
      .execute()
    const page = await read(`/runs/${started.value}/quarantine/${datasetId}/1`)
    expect(page).toContain('{&quot;a&quot;:&quot;größer<mark')
    expect(page).toContain('Apply this repair')
  })
})

describe('a repair', () => {
  let kept: Quarantined
  beforeAll(async () => {
    kept = await quarantined([good[0] ?? '', pythonic, cut, hopeless])
  })

  test('is proposed as a difference, and applied', async () => {
    const page = await read(kept.path(2))
    expect(page).toContain('<ins>&quot;</ins><ins>}]}</ins>')
    const answer = await propose(kept.path(2))
    expect([answer.status, answer.headers.get('Location')]).toEqual([303, kept.path(2)])
    expect(await repairOf(kept, 2)).toBe(`${cut}"}]}`)
    const after = await read(kept.path(2))
    expect(after).toContain('<b>Repaired</b> as proposed')
    expect(after).not.toContain('Apply this repair')
    expect(await read(`/runs/${kept.runId}/quarantine`)).toContain('<span class="tag">repaired</span>')
  })

  test('is not proposed where it would take a guess', async () => {
    const answer = await propose(kept.path(3))
    expect([answer.status, await repairOf(kept, 3)]).toEqual([409, undefined])
  })

  test('made by hand takes the place of an earlier one', async () => {
    await propose(kept.path(1))
    expect((await edit(kept.path(1), '{\r\n "a": 1\r\n}')).status).toBe(303)
    expect(await repairOf(kept, 1)).toBe('{\n "a": 1\n}')
    const page = await read(kept.path(1))
    expect(page).toContain('<b>Repaired</b> by hand')
    expect(page).toMatch(/<textarea[^>]*>\s*\{\n &quot;a&quot;: 1\n\}<\/textarea>/)
  })

  test.each([
    ['JSON that is none', '{"kept":\n "as I <wrote> it",', /line 2, character/],
    ['a word', '"hello"', /begins with \{ or \[/],
    ['nothing', '', /not JSON yet/],
  ])('made by hand is refused for %s, and nothing of it is lost', async (_what, text, problem) => {
    const before = await repairOf(kept, 1)
    const answer = await edit(kept.path(1), text)
    const page = await answer.text()
    expect(answer.status).toBe(422)
    expect(page).toMatch(problem)
    expect(page).toContain(
      `${text.replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</textarea>`,
    )
    expect(await repairOf(kept, 1)).toBe(before)
  })

  test('is taken back once', async () => {
    await propose(kept.path(2))
    expect((await web.post(web.colleague, `${kept.path(2)}/repair/removal`)).status).toBe(303)
    expect(await repairOf(kept, 2)).toBeUndefined()
    expect(await lastAudit()).toMatchObject({ action: 'record.repair-removal', objectId: kept.runId })
    expect((await web.post(web.colleague, `${kept.path(2)}/repair/removal`)).status).toBe(409)
    expect(await read(kept.path(2))).toContain('Apply this repair')
  })

  test('and each reading is on record; the text itself lies only in the vault', async () => {
    await propose(kept.path(2))
    expect(await lastAudit()).toMatchObject({
      action: 'record.repair',
      objectId: kept.runId,
      outcome: 'allowed',
    })
    await edit(kept.path(2), `${cut}"`)
    const details = await asAdmin<{ details: string }>(web.adminUrl, 'select details::text from audit.outbox')
    expect(JSON.stringify(details)).not.toContain(secret)
    expect(web.logged.join('')).not.toContain(secret)
    const tables = await asAdmin<{ text: string }>(
      web.adminUrl,
      'select row_to_json(repairs)::text as text from repairs union all select row_to_json(quarantine)::text from quarantine',
    )
    expect(JSON.stringify(tables)).not.toContain(secret)
  })

  test('leaves the source as it is', async () => {
    const { vault, db } = web.deps
    const { objectId } = await db
      .selectFrom('datasetFiles')
      .select('objectId')
      .where('datasetId', '=', kept.datasetId)
      .executeTakeFirstOrThrow()
    const bytes = await vault.readBytes({ owner: kept.datasetId, id: objectId, kind: 'source' })
    expect(Buffer.from(bytes).toString()).toBe(fileOf([good[0] ?? '', pythonic, cut, hopeless]))
  })

  test('that another site asks for is refused', async () => {
    const answer = await web.request(web.colleague, `${kept.path(3)}/repair`, {
      method: 'POST',
      headers: { 'Sec-Fetch-Site': 'cross-site' },
    })
    expect(answer.status).toBe(403)
  })
})

describe('repairing all records of a reason', () => {
  const query = 'stage=ingestion&reason=json-invalid'
  const fields = { stage: 'ingestion', reason: 'json-invalid' }

  test('says first how many can be repaired, then repairs those that have no repair yet', async () => {
    const kept = await quarantined([pythonic, good[0] ?? '', hopeless, '{"a":1,}', cut, '{"b":2,}'])
    await edit(kept.path(3), '{"by":"hand"}')
    const list = `/runs/${kept.runId}/quarantine`
    expect(await read(`${list}?${query}`)).toContain(`${list}/repairs?${query.replace('&', '&amp;')}`)
    expect(await read(list)).not.toContain(`${list}/repairs`)
    const page = await read(`${list}/repairs?${query}`)
    expect(page).toContain('2 of 3\u00a0records can be repaired.')
    expect(await repairOf(kept, 0)).toBeUndefined()

    const answer = await web.post(web.colleague, `${list}/repairs`, fields)
    expect(answer.status).toBe(303)
    const location = answer.headers.get('Location') ?? ''
    expect(await read(location)).toContain('Repaired 2 of 3\u00a0records looked at; none is left to look at.')
    expect(JSON.parse((await repairOf(kept, 0)) ?? '')).toHaveProperty('conversations')
    expect(await repairOf(kept, 3)).toBe('{"by":"hand"}')
    expect(await repairOf(kept, 5)).toBe('{"b":2}')
    expect([await repairOf(kept, 2), await repairOf(kept, 4)]).toEqual([undefined, undefined])
    const entries = (await auditEntries(web.adminUrl)).slice(-2)
    expect(entries.map(({ action }) => action)).toEqual(['record.read', 'record.repair'])

    expect(await read(`${list}/repairs?${query}`)).toContain('0 of 1\u00a0record can be repaired.')
  })

  test('looks at 10,000 in one action, and goes on from there', async () => {
    const lines = Array.from({ length: 10_020 }, (_, at) => (at < 20 ? hopeless : `{"number":${at},}`))
    const kept = await quarantined([good[0] ?? '', ...lines])
    const list = `/runs/${kept.runId}/quarantine`
    const page = await read(`${list}/repairs?${query}`)
    expect(page).toContain('9,980 of 10,000\u00a0records can be repaired.')
    expect(page).toContain('20\u00a0more records of this reason')
    const first = await web.post(web.colleague, `${list}/repairs`, fields)
    const done = await read(first.headers.get('Location') ?? '')
    expect(done).toContain('Repaired 9,980 of 10,000\u00a0records looked at; 20 are left to look at.')
    const onward = /href="([^"]*repairs\?[^"]*after=[^"]*)"/.exec(done)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const rest = await read(onward)
    expect(rest).toContain('20 of 20\u00a0records can be repaired.')
    const after = /name="after" value="([^"]+)"/.exec(rest)?.[1] ?? ''
    await web.post(web.colleague, `${list}/repairs`, { ...fields, after })
    const { db, vault } = web.deps
    const refs = await readRepairRefs(db, [kept.runId], kept.datasetId, 0, 20_000, new Date(8e15))
    const ordinals = refs.flatMap((ref) => ref.ordinals)
    expect([ordinals.length, new Set(ordinals).size]).toEqual([10_000, 10_000])
    expect(Math.max(...refs.map((ref) => ref.ordinals.length))).toBe(500)
    const texts = (await readRepairs(vault, refs)).get(kept.datasetId)
    expect(texts?.get(10_020)).toBe('{"number":10019}')
    expect(await read(list)).toContain('Run again with 10,000\u00a0repairs')
  })

  test('refuses what is no reason', async () => {
    const kept = await quarantined(['{"a":1,}'])
    expect((await web.request(web.colleague, `/runs/${kept.runId}/quarantine/repairs`)).status).toBe(404)
    const answer = await web.post(web.colleague, `/runs/${kept.runId}/quarantine/repairs`, { stage: 'none' })
    expect(answer.status).toBe(422)
  })
})

describe('running again with repairs', () => {
  test('starts a run over the same datasets with the same configuration, and leads to it', async () => {
    const kept = await quarantined([good[0] ?? '', pythonic])
    await propose(kept.path(1))
    const list = await read(`/runs/${kept.runId}/quarantine`)
    expect(list).toContain('Run again with 1\u00a0repair')
    const idempotencyKey = /name="idempotencyKey" value="([^"]+)"/.exec(list)?.[1] ?? ''
    const answer = await web.post(web.colleague, `/runs/${kept.runId}/follow-up`, { idempotencyKey })
    expect(answer.status).toBe(303)
    const runId = answer.headers.get('Location')?.split('/').at(-1) ?? ''
    const run = await web.deps.db
      .selectFrom('runs')
      .selectAll()
      .where('id', '=', runId)
      .executeTakeFirstOrThrow()
    expect(run).toMatchObject({ parentRunId: kept.runId, ownerId: web.colleague.id })
    expect(run.configuration.threshold).toBe(0.3)
    const inputs = await web.deps.db.selectFrom('runInputs').selectAll().where('runId', '=', runId).execute()
    expect(inputs.map(({ datasetId }) => datasetId)).toEqual([kept.datasetId])
    expect(await readLineage(web.deps.db, runId)).toEqual([kept.runId, runId])

    const again = await web.post(web.colleague, `/runs/${kept.runId}/follow-up`, { idempotencyKey })
    expect(again.headers.get('Location')).toBe(`/runs/${runId}`)
  })

  test('waits for the end of the run', async () => {
    const kept = await quarantined([pythonic])
    await propose(kept.path(0))
    await web.deps.db.updateTable('runs').set({ status: 'running' }).where('id', '=', kept.runId).execute()
    expect(await read(`/runs/${kept.runId}/quarantine`)).not.toContain('Run again with')
    expect((await web.post(web.colleague, `/runs/${kept.runId}/follow-up`)).status).toBe(409)
    await end(kept.runId)
  })

  test('is refused where nothing was repaired', async () => {
    const kept = await quarantined([pythonic])
    expect(await read(`/runs/${kept.runId}/quarantine`)).not.toContain('Run again with')
    expect((await web.post(web.colleague, `/runs/${kept.runId}/follow-up`)).status).toBe(409)
  })

  test('shows of a record that was repaired before what was read of it', async () => {
    const kept = await quarantined([pythonic, hopeless], { reason: 'not-a-conversation' })
    await edit(kept.path(0), '{"repaired":"before"}')
    const answer = await web.post(web.colleague, `/runs/${kept.runId}/follow-up`)
    const runId = answer.headers.get('Location')?.split('/').at(-1) ?? ''
    const { db } = web.deps
    await db.updateTable('quarantine').set({ runId }).where('runId', '=', kept.runId).execute()
    await end(runId)
    const path = kept.path(0).replace(kept.runId, runId)
    const page = await read(path)
    expect(page).toContain('The record as it was read')
    expect(page).toContain('<mark>{&quot;repaired&quot;:&quot;before&quot;}</mark>')
    expect(page).not.toContain('Take back')
    const all = await read(`/runs/${runId}/quarantine/repairs?stage=ingestion&reason=not-a-conversation`)
    expect(all).toContain('0 of 1\u00a0record can be repaired.')
    await edit(path, '{"repaired":"again"}')
    expect(await read(path)).toContain('Take back')
    expect(await repairOf({ ...kept, runId }, 0)).toBe('{"repaired":"again"}')
    expect(await repairOf(kept, 0)).toBe('{"repaired":"before"}')
  })

  test('is refused once another mapping counts the records otherwise', async () => {
    const kept = await quarantined([pythonic])
    await propose(kept.path(0))
    const mapping = { shape: 'rows', keyField: 'k', roleField: 'r', textField: 't', roles: { u: 'user' } }
    const set = (value: string | null) =>
      web.deps.db.updateTable('datasets').set({ mapping: value }).where('id', '=', kept.datasetId).execute()
    await set(JSON.stringify(mapping))
    expect((await web.post(web.colleague, `/runs/${kept.runId}/follow-up`)).status).toBe(409)
    await set(null)
    expect((await web.post(web.colleague, `/runs/${kept.runId}/follow-up`)).status).toBe(303)
  })

  test('of a dataset that is gone is refused', async () => {
    const kept = await quarantined([pythonic], { name: 'gone.jsonl' })
    await propose(kept.path(0))
    await web.deps.db
      .updateTable('datasets')
      .set({ status: 'deleting' })
      .where('id', '=', kept.datasetId)
      .execute()
    expect((await web.post(web.colleague, `/runs/${kept.runId}/follow-up`)).status).toBe(404)
  })
})

describe('the references to repairs', () => {
  test('name those of a stretch, by object, the later run of the list first', async () => {
    const kept = await quarantined(['{"a":1,}', '{"b":1,}', '{"c":1,}'])
    const { db } = web.deps
    for (const ordinal of [0, 1, 2]) await propose(kept.path(ordinal))
    const { runId, datasetId } = kept
    const other = await quarantined([pythonic])
    await db
      .insertInto('repairs')
      .values({
        runId: other.runId,
        datasetId,
        ordinal: 1,
        objectId: 'repairs/later',
        kind: 'edited',
        madeBy: web.colleague.id,
        madeAt: new Date(),
      })
      .execute()
    const refs = (ids: readonly string[], from: number, to: number) =>
      readRepairRefs(db, ids, datasetId, from, to, new Date(8e15))
    expect((await refs([runId], 1, 3)).flatMap(({ ordinals }) => ordinals)).toEqual([1, 2])
    const [later] = await refs([runId, other.runId], 1, 2)
    expect(later).toEqual({ datasetId, objectId: 'repairs/later', ordinals: [1] })
    const [earlier] = await refs([other.runId, runId], 1, 2)
    expect(earlier?.objectId).not.toBe('repairs/later')
    expect(await refs([], 0, 9)).toEqual([])
    expect(await refs([runId], 3, 9)).toEqual([])
  })
})
