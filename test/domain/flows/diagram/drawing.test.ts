import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { FlowDrawer } from '../../../../src/adapters/diagram/flow-drawer.ts'
import { diagramOf } from '../../../../src/domain/flows/diagram/diagram-of.ts'
import { diagramStates } from '../../../../src/domain/flows/diagram/diagram-states.ts'
import { fillDrawing } from '../../../../src/domain/flows/diagram/fill-drawing.ts'
import { diagramRules } from '../../../../src/domain/flows/diagram/standalone-style.ts'
import { assessByHand, type HandState } from '../../../../src/domain/flows/state/assess-by-hand.ts'
import { tryFlow } from '../../../../src/domain/flows/try-flow.ts'
import { chain, flowOf } from '../../../support/flows/flow-text.ts'

const warned: object[] = []
const drawer = new FlowDrawer({ warn: (line) => warned.push(line) }, { waitMs: 60_000, timeoutMs: 60_000 })
afterAll(() => drawer.stop())

/** The flow drawn and filled with states that are set by hand. */
async function drawn(
  text: string,
  hand: Readonly<Record<string, HandState>> = {},
  options: { href?: (id: string) => string; standalone?: boolean } = {},
) {
  const flow = flowOf(text)
  const drawing = await drawer.draw(diagramOf(flow))
  if (!drawing.ok) throw new Error(drawing.problem.message)
  const assessment = assessByHand(flow, new Map(Object.entries(hand)), 0)
  const states = diagramStates(diagramOf(flow), assessment)
  const title = `Diagram of ${flow.name}`
  return fillDrawing(drawing.value, states, { title, description: assessment.sentence, ...options })
}
const named = (name: string) => chain().replace('name: A}', `name: '${name}'}`)

describe('a drawn flow', () => {
  test('tells the state of each process by attribute, mark and word', async () => {
    const svg = await drawn(chain(), { a: 'failed', b: 'starved' })
    expect(svg).toMatch(/data-process="a" data-state="failed" data-role="root"/)
    expect(svg).toMatch(/data-process="b" data-state="waits" data-role="consequence"/)
    expect(svg).toMatch(/data-process="c" data-state="healthy" data-role="at-risk"/)
    expect(svg).toMatch(/href="#d[0-9a-f]{8}-root"\/><text class="flow__word"[^>]*>Failed</)
    expect(svg).toMatch(/href="#d[0-9a-f]{8}-waits"\/><text class="flow__word"[^>]*>Waits</)
    expect(svg).toContain('<title>B: waits, waiting for A</title>')
  })

  test('shows along which arrows something is missing', async () => {
    const svg = await drawn(chain(), { a: 'failed', b: 'starved' })
    expect(svg).toContain('data-part="p_a>s_b" data-state="starved"')
    expect(svg).toContain('data-part="s_b>p_b" data-state="starved"')
    expect(svg).toContain('data-part="s_c>p_c" data-state="at-risk"')
    expect(await drawn(chain())).not.toContain('data-state="starved"')
  })

  test('holds no style, and ids that no other drawing has', async () => {
    const [one, other] = [await drawn(chain()), await drawn(named('Another'))]
    expect(one).not.toMatch(/<style|style=|@import|fill="/)
    const ids = (svg: string) => [...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    expect(ids(one).length).toBeGreaterThan(5)
    expect(ids(one).filter((id) => ids(other).includes(id))).toEqual([])
  })

  test('is one picture with a title, or a group whose boxes are links', async () => {
    const picture = await drawn(chain())
    expect(picture).toMatch(/<svg[^>]* role="img" aria-labelledby="(\w+)-title" aria-describedby="\1-desc"/)
    expect(picture).toContain('>Diagram of Chain</title>')
    expect(picture).not.toContain('<a ')
    const linked = await drawn(chain(), {}, { href: (id) => `/flows/chain/processes/${id}` })
    expect(linked).toContain('<a href="/flows/chain/processes/a"><g class="flow__process"')
    expect(linked).toContain(' role="group"')
  })

  test('brings its own colours, light and dark, where it stands alone', async () => {
    const svg = await drawn(chain(), {}, { standalone: true })
    expect(svg).toContain('prefers-color-scheme:dark')
    expect(svg).not.toMatch(/url\((?!#)|@import/)
  })

  test.each([
    'A "quoted" <b>one</b> & more',
    "x' onload=alert(1) y='",
    '</text><script>alert(1)</script>',
    'Ünïcödé 🚁 日本語',
    'Averyveryveryveryveryverylongnamewithoutanyspaceatall',
  ])('says the name %s as text', async (name) => {
    const svg = await drawn(named(name.replaceAll("'", "''")))
    expect(svg).not.toMatch(/<script|<b>|<[^>]* onload=/)
    expect(svg.match(/<g class="flow__process"/g)).toHaveLength(3)
  })

  test.each(['LR', 'TB'])('of 60 processes, %s, has every box', async (layout) => {
    const ids = Array.from({ length: 60 }, (_, at) => `step${at}`)
    const connections = ids.slice(1).map((id, at) => `{from: step${Math.floor(at / 2)}, to: ${id}}`)
    const text = chain({ processes: ids, connections }).replace(
      '{id: chain,',
      `{id: chain, layout: ${layout},`,
    )
    const svg = await drawn(text)
    for (const id of ids) expect(svg).toContain(`data-process="${id}"`)
  })
})

describe('the drawer', () => {
  const diagram = diagramOf(flowOf(chain()))

  test('draws the same diagram once', async () => {
    const [one, other] = await Promise.all([drawer.draw(diagram), drawer.draw(diagram)])
    expect(one).toBe(other)
  })

  test('keeps flows apart whose ids differ in what no node name has', async () => {
    const one = await drawn(chain({ processes: ['a-b', 'c'], connections: [] }))
    const other = await drawn(chain({ processes: ['a_b', 'c'], connections: [] }))
    expect([one, other].map((svg) => /data-process="(a.b)"/.exec(svg)?.[1])).toEqual(['a-b', 'a_b'])
  })

  test('answers what it cannot draw with a sentence, and logs no text of it', async () => {
    const result = await drawer.draw({ ...diagram, roomy: 'secret_name is no diagram' })
    expect(result).toMatchObject({ ok: false, problem: { kind: 'unsupported' } })
    expect(JSON.stringify(warned)).not.toContain('secret_name')
  })

  test('gives up on what takes too long, and draws on', async () => {
    const hasty = new FlowDrawer({ warn: () => {} }, { timeoutMs: 1 })
    const ids = Array.from({ length: 200 }, (_, at) => `step${at}`)
    const connections = ids.slice(1).map((id, at) => `{from: step${Math.floor(at / 2)}, to: ${id}}`)
    const result = await hasty.draw(diagramOf(flowOf(chain({ processes: ids, connections }))))
    expect(result).toMatchObject({ ok: false, problem: { kind: 'too-large' } })
    await hasty.stop()
    expect(await drawer.draw(diagram)).toMatchObject({ ok: true })
  })

  test('lets nobody wait for a busy machine, and draws on meanwhile', async () => {
    const slow = new FlowDrawer({ warn: () => {} }, { waitMs: 0, timeoutMs: 60_000 })
    expect(await slow.draw(diagram)).toMatchObject({ ok: false, problem: { kind: 'unavailable' } })
    await expect.poll(async () => (await slow.draw(diagram)).ok, { timeout: 60_000 }).toBe(true)
    await slow.stop()
  })

  test('tries again what was given up', async () => {
    const hasty = new FlowDrawer({ warn: () => {} }, { timeoutMs: 1, againMs: 1 })
    const given = async () => {
      const result = await hasty.draw(diagram)
      return result.ok ? undefined : result.problem
    }
    const first = await given()
    expect(first).toMatchObject({ kind: 'too-large' })
    await expect.poll(async () => (await given()) !== first).toBe(true)
    await hasty.stop()
  })

  test('reads a pasted flow in the thread: what comes back is the flow itself', async () => {
    const text = readFileSync(new URL('../../../support/flows/helicopter-rdf.yaml', import.meta.url), 'utf8')
    const pasted = { text, given: new Map([['unzip', 'failed'] as const]), now: 0 }
    expect(await drawer.tryFlow(pasted)).toEqual({ ok: true, value: tryFlow(pasted) })
    const wrong = { ...pasted, text: 'flow: 1' }
    expect(await drawer.tryFlow(wrong)).toMatchObject({ ok: true, value: { right: undefined } })
  })

  test('ends the reading of a text that takes too long, and reads on', async () => {
    const hasty = new FlowDrawer({ warn: (line) => warned.push(line) }, { waitMs: 1 })
    const hostile = `a: &a [${'x,'.repeat(120_000)}]`
    const result = await hasty.tryFlow({ text: hostile, given: new Map(), now: 0 })
    expect(result).toMatchObject({ ok: false, problem: { kind: 'too-large' } })
    await hasty.stop()
    expect(await drawer.tryFlow({ text: chain(), given: new Map(), now: 0 })).toMatchObject({ ok: true })
  })

  test('remembers so many and no more', async () => {
    const forgetful = new FlowDrawer({ warn: () => {} }, { most: 1 })
    const first = await forgetful.draw(diagram)
    await forgetful.draw(diagramOf(flowOf(named('Another'))))
    expect(await forgetful.draw(diagram)).not.toBe(first)
    await forgetful.stop()
  })
})

test('the stylesheet has every rule that a drawing standing alone has', () => {
  const css = readFileSync(new URL('../../../../public/portal.css', import.meta.url), 'utf8')
  for (const rule of diagramRules) expect(css).toContain(rule)
})
