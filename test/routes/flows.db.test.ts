import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fail, pass } from '../../src/domain/flows/checks/check-result.ts'
import { readFlow } from '../../src/domain/flows/configuration/read-flow.ts'
import type { FlowHistory } from '../../src/domain/flows/monitor/flow-history.ts'
import { signedInApp, type TestApp } from '../support/app.ts'
import { auditEntries } from '../support/audit.ts'
import { chain } from '../support/flows/flow-text.ts'
import { type PlayedFlows, playedFlows, watched } from '../support/flows/watched.ts'

const listing = chain({
  more: '',
}).replace(
  '{id: c, name: C}',
  '{id: c, name: C, runbook: "javascript:alert(1)", drill_down: {check: c_port, columns: [file, algorithm, finished_at]}}',
)
// Good for longer than the file may take on a machine that is busy.
const other = chain({ checkKeys: ', ttl: 10m' }).replace(
  '{id: chain, name: Chain}',
  '{id: another, name: Another one}',
)
const newest = Date.parse('2026-11-20T12:00:00Z')
const history: FlowHistory = {
  checks: async (_, { slots }) =>
    new Map([['b_port', Array.from({ length: slots }, (_, at) => (at === 3 ? 'FAILED' : 'HEALTHY'))]]),
  shown: async () => new Map(),
  transitions: async () => [
    {
      at: newest,
      process: 'b',
      check: 'b_port',
      from: 'HEALTHY',
      to: 'FAILED',
      message: 'The port is shut.',
    },
  ],
  rows: async () => ({
    at: newest,
    rows: Array.from({ length: 120 }, (_, at) => ({
      file: `file-${at}.tsv`,
      algorithm: at % 2 === 0 ? 'rotor' : 'landing',
      finished_at: '2026-11-20T11:00:00Z',
      secret_column: 'never shown',
    })),
  }),
}

let web: TestApp
let played: PlayedFlows
const ahead = 0
const clock = () => Date.now() + ahead
beforeAll(async () => {
  played = playedFlows([watched(listing), watched(other)], clock)
  web = await signedInApp({ flows: played.monitor, flowHistory: history })
  for (const flow of ['chain', 'another']) {
    for (const id of ['a', 'b', 'c']) {
      played.play(flow, `${id}_port`, pass('The port answers.', { expected: 'open', observed: 'open' }))
      played.play(flow, `${id}_fresh`, pass('Fresh.'))
    }
  }
  played.play(
    'another',
    'a_port',
    fail('refused', 'Connection refused.', { evidence: [{ label: 'address', value: 'localhost:80' }] }),
  )
})
afterAll(() => web?.close())

test('the overview names every flow, the worst first, a healthy one too', async () => {
  const html = await (await web.request(web.viewer, '/')).text()
  expect(html.indexOf('Another one')).toBeGreaterThan(0)
  expect(html.indexOf('href="/flows/chain"')).toBeGreaterThan(html.indexOf('href="/flows/another"'))
  expect(html).toContain('All 3 processes are healthy')
})

const page = async (path: string, who = web.viewer) => {
  const answer = await web.request(who, path)
  expect(answer.status, path).toBe(200)
  return answer.text()
}

describe('the list of flows', () => {
  test('shows the worst first, with its sentence and a way to its board', async () => {
    const html = await page('/flows')
    expect(html.indexOf('/flows/another')).toBeLessThan(html.indexOf('/flows/chain'))
    expect(html).toContain('A stopped')
    expect(html).toContain('href="/board/another"')
  })

  test('shows refused files with every mistake at its line', async () => {
    const text = chain().replace('max_age: 30m', 'max_aeg: 30m')
    const { mistakes } = readFlow(text, 'broken.yaml', {})
    played.configure(
      [watched(listing), watched(other)],
      [{ file: 'broken.yaml', text, mistakes, at: clock() }],
    )
    const html = await page('/flows')
    expect(html).toContain('broken.yaml is refused')
    expect(html).toMatch(/Did you mean <b>max_age<\/b>\?/)
    played.configure([watched(listing), watched(other)])
  })

  test('teaches how to begin where there is none', async () => {
    const empty = await signedInApp()
    const html = await (await empty.request(empty.viewer, '/flows')).text()
    expect(html).toContain('No flow is watched yet')
    expect(html).toContain('href="/flows/try"')
    await empty.close()
  })

  test('is asked for in part by itself', async () => {
    const html = await (await web.request(web.viewer, '/flows', { headers: { 'HX-Request': 'true' } })).text()
    expect(html).not.toContain('<html')
    expect(html).toContain('/flows/another')
  })
})

describe('the page of a flow', () => {
  test('says its state in a sentence, draws it, and lists every process', async () => {
    const html = await page('/flows/another')
    expect(html).toMatch(/data-announce[^>]*>A stopped/)
    expect(html).toContain('data-process="a" data-state="failed" data-role="root"')
    expect(html).toContain('<a href="/flows/another/processes/a"><g class="flow__process"')
    expect(html).toMatch(/id="process-a" data-state="failed"[\s\S]*Connection refused\./)
    expect(html).toContain('b_port')
  })

  test('asks for its history anew each minute, in part, with what was chosen', async () => {
    const html = await page('/flows/chain?range=7d')
    expect(html).toMatch(/hx-get="\/flows\/chain\/history\?range=7d" hx-trigger="every 60s"/)
    const part = await page('/flows/chain/history?range=7d')
    expect(part).not.toMatch(/<html|class="flow"/)
    expect(part).toContain('B, last 7 days: failed in 1 of 60')
    expect(part).toContain('The port is shut.')
    expect(part).toContain('href="/flows/chain?range=30d#history"')
    expect((await web.request(web.viewer, '/flows/nothing/history')).status).toBe(404)
  })

  test('shows as many bars of history whatever the range', async () => {
    const bars = (html: string) =>
      /aria-label="B, last[\s\S]*?<\/svg>/.exec(html)?.[0].match(/<rect/g)?.length
    const [day, month] = [await page('/flows/chain'), await page('/flows/chain?range=30d')]
    expect([bars(day), bars(month)]).toEqual([60, 60])
    expect(month).toContain('last 30 days: failed in 1 of 60')
  })

  test('can be sorted, and looks as often as is chosen where no stream gets through', async () => {
    const html = await page('/flows/another?sort=name&every=5s')
    expect(html).toContain('data-every="5"')
    expect(html).toContain('<meta http-equiv="refresh" content="5"')
    expect(html).toContain('data-poll="/flows/another/live?sort=name"')
    expect(await page('/flows/another?every=1ms&sort=x&range=y')).not.toContain('data-every')
  })

  test('is sent again without its drawing, with the states for the one that is there', async () => {
    const html = await page('/flows/another/live')
    expect(html).not.toContain('<svg xmlns')
    const [, told = ''] = /data-flow-states="([^"]*)"/.exec(html) ?? []
    const { hash, parts } = JSON.parse(
      told.replaceAll('&quot;', '"').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
    )
    expect(hash).toBe(watched(other).hash)
    expect(parts.p_a).toMatchObject({ state: 'failed', role: 'root', mark: 'root', word: 'Failed' })
  })

  test('streams the state, and every change of it', async () => {
    const answer = await web.request(web.viewer, '/flows/another/events')
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
    let heard = ''
    const until = async (what: RegExp) => {
      while (!what.test(heard)) heard += (await reader?.read())?.value ?? ''
    }
    await until(/id="process-c" data-state="healthy"/)
    heard = ''
    played.play('another', 'c_port', fail('refused', 'Connection refused.'))
    await until(/id="process-c" data-state="failed"/)
    await reader?.cancel()
  })

  test('says that the newer configuration was refused, and at which line', async () => {
    const text = other.replace('max_age: 30m', 'max_aeg: 30m')
    const { mistakes } = readFlow(text, 'test.yaml', {})
    const refused = { file: 'test.yaml', text, mistakes, at: clock() }
    played.configure([watched(listing), { ...watched(other), refused }])
    expect(await page('/flows/another')).toContain('A newer configuration was refused')
    const html = await page('/flows/another/configuration')
    expect(html).toMatch(/<li id="refused-\d+" data-state="failed"><code>[^<]*max_aeg/)
    played.configure([watched(listing), watched(other)])
  })

  test('is not there for a flow that nobody watches', async () => {
    for (const path of ['', '/live', '/events', '/drawing', '/configuration', '/mermaid', '/processes/a']) {
      expect((await web.request(web.viewer, `/flows/none${path}`)).status, path).toBe(404)
    }
    expect((await web.request(web.viewer, '/flows/chain/processes/none')).status).toBe(404)
  })
})

test('the configuration shows variables as they are written, never their values', async () => {
  const text = chain().replaceAll('host: localhost', `host: "$\{CHAIN_HOST:-localhost}"`)
  played.configure([watched(text), watched(other)])
  const html = await page('/flows/chain/configuration')
  expect(html).toContain(`$\{CHAIN_HOST:-localhost}`)
  expect(html).toContain('<li id="line-1"><code>version: 1</code></li>')
  played.configure([watched(listing), watched(other)])
})

test('the Mermaid page holds the source, and its script; it alone may have inline styles', async () => {
  const answer = await web.request(web.viewer, '/flows/chain/mermaid')
  const html = await answer.text()
  expect(html).toContain('flowchart LR')
  expect(html).toContain('<script type="module" src="/draw-mermaid.js">')
  expect(answer.headers.get('Content-Security-Policy')).toContain("style-src 'self' 'unsafe-inline'")
  expect(
    (await web.request(web.viewer, '/flows/chain')).headers.get('Content-Security-Policy'),
  ).not.toContain('unsafe')
  expect(
    (await web.request(undefined, '/vendor/mermaid/mermaid.esm.min.mjs')).headers.get('Content-Type'),
  ).toContain('javascript')
})

describe('the page of a process', () => {
  test('shows each check with what was expected, observed and found', async () => {
    const html = await page('/flows/another/processes/a')
    expect(html).toContain('Connection refused.')
    expect(html).toContain('localhost:80')
    expect(html).toMatch(/<dt>Reason<\/dt><dd>refused/)
    expect(await page('/flows/chain/processes/a')).toMatch(/<dt>Expected<\/dt><dd>open/)
  })

  test('shows measured values rounded and with their unit, and none of them twice', async () => {
    played.play('chain', 'b_port', pass('The port answers.', { value: 11_651.4 }))
    played.play('chain', 'b_fresh', pass('Fresh.', { value: 1_500, observed: '1.5 s' }))
    const html = await page('/flows/chain/processes/b')
    expect(html).toContain('<dt>Value</dt><dd>11.6 s</dd>')
    expect(html).toContain('<dt>Observed</dt><dd>1.5 s</dd>')
    expect(html.match(/<dt>Value<\/dt>/g)).toHaveLength(1)
  })

  test('lists results by the columns of the drill-down, with a filter and pages', async () => {
    const html = await page('/flows/chain/processes/c')
    expect(html).toContain('file-0.tsv')
    expect(html).toContain('<time datetime="2026-11-20T11:00:00.000Z">')
    expect(html).not.toContain('file-50.tsv')
    expect(html).not.toContain('never shown')
    const found = await page('/flows/chain/processes/c?q=landing&page=2')
    expect(found).toContain('file-119.tsv')
    expect(found).not.toContain('rotor')
    expect(await page('/flows/chain/processes/c?q=never')).toContain('No row holds')
  })

  test('links a runbook only where a browser may follow it', async () => {
    const html = await page('/flows/chain/processes/c')
    expect(html).toContain('javascript:alert(1)')
    expect(html).not.toContain('href="javascript:')
  })
})

describe('checking now', () => {
  test('asks for a run, on record, and comes back to the check', async () => {
    const answer = await web.post(web.colleague, '/flows/chain/checks/a_port/runs')
    expect([answer.status, answer.headers.get('Location')]).toEqual([
      303,
      '/flows/chain/processes/a?asked=a_port#check-a_port',
    ])
    expect(played.asked).toContain('chain/a_port')
    const entries = await auditEntries(web.adminUrl)
    expect(entries).toContainEqual(
      expect.objectContaining({
        action: 'flow.check',
        objectType: 'flow',
        objectId: 'chain',
        outcome: 'allowed',
      }),
    )
    expect(await page('/flows/chain/processes/a?asked=a_port')).toContain('A run of a_port was asked for')
  })

  test('is refused when it was asked for a moment ago, and possible again later', async () => {
    const first = await web.post(web.colleague, '/flows/chain/checks/b_port/runs')
    const again = await web.post(web.moderator, '/flows/chain/checks/b_port/runs')
    expect([first.status, again.status]).toEqual([303, 409])
    expect(await again.text()).toContain('b_port was asked for a moment ago')
    web.advance(6)
    expect((await web.post(web.moderator, '/flows/chain/checks/b_port/runs')).status).toBe(303)
  })

  test('is not for viewers, who are not offered it either', async () => {
    expect((await web.post(web.viewer, '/flows/chain/checks/c_port/runs')).status).toBe(403)
    expect(await page('/flows/chain/processes/c')).not.toContain('Check now')
    expect(await page('/flows/chain/processes/c', web.colleague)).toContain('Check now')
  })

  test('is not there for a check that is not there', async () => {
    expect((await web.post(web.colleague, '/flows/chain/checks/none/runs')).status).toBe(404)
  })
})

describe('trying a flow', () => {
  test('checks, draws and sets states by hand', async () => {
    const answer = await web.post(web.viewer, '/flows/try', {
      text: chain(),
      'state.a': 'failed',
      'state.b': 'starved',
    })
    const html = await answer.text()
    expect(answer.status).toBe(200)
    expect(html).toContain('A stopped')
    expect(html).toContain('data-process="b" data-state="waits"')
    expect(html).toMatch(/<option value="starved" selected/)
  })

  test('says every mistake with its place, and quotes its line', async () => {
    const answer = await web.post(web.viewer, '/flows/try', {
      text: chain().replaceAll('max_age: 30m', 'max_aeg: 30m'),
    })
    const html = await answer.text()
    expect(answer.status).toBe(422)
    expect(html.match(/Did you mean <b>max_age<\/b>/g)?.length).toBeGreaterThanOrEqual(3)
    expect(html).toMatch(/<code class="sub mistake__line">- \{id: a_fresh/)
  })

  test('sees nothing of our environment', async () => {
    const html = await (
      await web.post(web.viewer, '/flows/try', {
        text: chain().replace('host: localhost', `host: "$\{PATH}"`),
      })
    ).text()
    expect(html).toContain('PATH')
    expect(html).not.toContain(process.env.PATH ?? 'no path')
  })

  test('refuses nothing at all, and more than 256 KiB', async () => {
    expect((await web.post(web.viewer, '/flows/try', { text: ' ' })).status).toBe(422)
    const answer = await web.post(web.viewer, '/flows/try', { text: `# ${'x'.repeat(256 * 1024)}` })
    expect(answer.status).toBe(413)
    expect(await answer.text()).toContain('more than 256 KiB')
  })

  test('reads one text at a time, and says so to the other', async () => {
    const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const slow = await signedInApp({
      tryFlow: async (pasted) => {
        begun.resolve()
        await go.promise
        return web.deps.tryFlow(pasted)
      },
    })
    const first = slow.post(slow.viewer, '/flows/try', { text: chain() })
    await begun.promise
    const second = await slow.post(slow.viewer, '/flows/try', { text: chain() })
    expect(second.status).toBe(503)
    const html = await second.text()
    expect(html).toContain('Another pasted flow is being read and drawn right now')
    // What was pasted is not lost.
    expect(html).toContain('id: a_port')
    go.resolve()
    expect((await first).status).toBe(200)
    expect((await slow.post(slow.viewer, '/flows/try', { text: chain() })).status).toBe(200)
    await slow.close()
  })

  test('leaves nothing of the text in the log', async () => {
    await web.post(web.viewer, '/flows/try', { text: `${chain()}\n# zanzibar\nzanzibar: 1` })
    expect(web.logged.join('')).not.toContain('zanzibar')
  })
})

describe('the diagram for programs', () => {
  test('is Mermaid text, and a picture with colours of its own', async () => {
    const text = await web.request(web.viewer, '/diagram?flow=another')
    expect(text.headers.get('Content-Type')).toContain('text/plain')
    expect(await text.text()).toContain('p_a["A<br>✕ Failed"]:::failed')
    const svg = await web.request(web.viewer, '/diagram/svg?flow=another')
    expect(svg.headers.get('Content-Type')).toContain('image/svg+xml')
    expect(svg.headers.get('Content-Security-Policy')).toMatch(/default-src 'none'.*style-src 'sha256-/)
    expect(await svg.text()).toContain('data-process="a" data-state="failed"')
  })

  test('is that of the first flow where none is asked for, or of the one that is set', async () => {
    expect(await (await web.request(web.viewer, '/diagram')).text()).toContain('✕ Failed')
    const set = await signedInApp({
      flows: played.monitor,
      config: { ...web.deps.config, defaultFlow: 'chain' },
    })
    expect(await (await set.request(set.viewer, '/diagram')).text()).not.toContain('✕ Failed')
    await set.close()
  })

  test('has a tag that changes with what is shown, and only then', async () => {
    const ask = (tag = '') =>
      web.request(web.viewer, '/diagram/svg?flow=chain', { headers: { 'If-None-Match': tag } })
    const tag = (await ask()).headers.get('ETag') ?? ''
    expect((await ask(tag)).status).toBe(304)
    expect((await ask(`"x", W/${tag}`)).status).toBe(304)
    played.play('chain', 'a_port', fail('refused', 'Connection refused.'))
    expect((await ask(tag)).status).toBe(200)
  })

  test('answers HEAD, and 404 with a problem for a flow that nobody watches', async () => {
    expect((await web.request(web.viewer, '/diagram', { method: 'HEAD' })).status).toBe(200)
    const answer = await web.request(web.viewer, '/diagram?flow=none', {
      headers: { Accept: 'application/json' },
    })
    expect([answer.status, answer.headers.get('Content-Type')]).toEqual([404, 'application/problem+json'])
    expect(await answer.json()).toMatchObject({ status: 404, requestId: expect.any(String) })
  })

  test('is for people, and for programs with the token', async () => {
    expect((await web.request(undefined, '/diagram')).status).toBe(401)
    const token = 'k'.repeat(40)
    const open = await signedInApp({
      flows: played.monitor,
      config: { ...web.deps.config, machines: { token, isPublic: false, corsOrigins: [] } },
    })
    const answer = await open.request(undefined, '/diagram', {
      headers: { Authorization: `Bearer ${token}` },
    })
    expect(answer.status).toBe(200)
    await open.close()
  })
})
