import { readFileSync } from 'node:fs'
import { renderMermaidSVG } from 'beautiful-mermaid'
import purify from 'dompurify'
import mermaid from 'mermaid'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { diagramLabel } from '../../../../src/domain/flows/diagram/diagram-label.ts'
import { diagramOf } from '../../../../src/domain/flows/diagram/diagram-of.ts'
import { diagramStates } from '../../../../src/domain/flows/diagram/diagram-states.ts'
import { mermaidText } from '../../../../src/domain/flows/diagram/mermaid-text.ts'
import { statedText } from '../../../../src/domain/flows/diagram/stated-text.ts'
import { assessByHand, type HandState } from '../../../../src/domain/flows/state/assess-by-hand.ts'
import { chain, flowOf } from '../../../support/flows/flow-text.ts'

const example = readFileSync(new URL('../../../support/flows/helicopter-rdf.yaml', import.meta.url), 'utf8')
const odd = [
  'end',
  'graph TD',
  'A "quoted" one',
  '1. Unzip',
  '- dash',
  'a --> b',
  'x[y](z){w}',
  '#quot; #35;',
  '`code` **bold**',
  '%%{init: {}}%%',
  '<b>bold</b>',
  'click me href "javascript:alert(1)"',
  'Ünïcödé 🚁 日本語',
  'semi;colon|pipe',
  'a & b',
  'Averyveryveryveryveryverylongnamewithoutanyspaceatall',
  'A long name that says much more than fits into one line of a box on the wall',
  'subgraph',
  ':::class',
  '@{shape: circle}',
  '\\n backslash',
  'direction LR',
  'Wind direction TB',
]
// Without a browser there is no DOM to purify HTML with; the grammar, which is what counts here, needs none.
Object.assign(purify, { addHook: () => {}, sanitize: (text: string) => text })

/** What the real grammar found in a text. */
const Flowchart = z.custom<{
  getDirection(): string
  getVertices(): ReadonlyMap<string, { readonly text?: string }>
}>((db) => typeof db === 'object' && db !== null && 'getVertices' in db)

/** The real grammar throws where the text is wrong. */
const parses = async (text: string) => (await mermaid.parse(text)).diagramType
const textOf = (yaml: string, layout = 'LR') =>
  mermaidText(flowOf(yaml.replace('{id: chain,', `{id: chain, layout: ${layout},`))).text

describe('the Mermaid text of a flow', () => {
  test('has a box for each process and a sensor on each watched arrow', () => {
    expect(textOf(chain({ processes: ['a', 'b'], connections: ['{from: a, to: b}'] }))).toBe(`flowchart LR
  p_a["A"]:::process
  p_b["B"]:::process
  s_a(["a fresh"]):::sensor
  s_b(["b fresh"]):::sensor
  s_a --> p_a
  p_a --> s_b
  s_b --> p_b
`)
  })
  test('of the full example is Mermaid', async () => {
    expect(await parses(mermaidText(flowOf(example)).text)).toBe('flowchart-v2')
  })
  test.each(['LR', 'TB'])('of 60 processes, %s, is Mermaid and is drawn', async (layout) => {
    const processes = Array.from({ length: 60 }, (_, at) => `step-${at}`)
    const connections = processes.slice(1).map((id, at) => `{from: step-${Math.floor(at / 2)}, to: ${id}}`)
    const text = textOf(chain({ processes, connections }), layout)
    expect(text.startsWith(layout === 'LR' ? 'flowchart LR' : 'flowchart TD')).toBe(true)
    expect(await parses(text)).toBe('flowchart-v2')
    const svg = renderMermaidSVG(text)
    for (const id of processes) expect(svg).toContain(`data-id="p_${id.replace('-', '_')}"`)
  })
  test.each(odd)('takes the name %s', async (name) => {
    const flow = flowOf(chain({ processes: ['a', 'b'], connections: ['{from: a, to: b}'] }))
    const named = { ...flow, processes: flow.processes.map((process) => ({ ...process, name })) }
    const { text } = mermaidText(named)
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(text)
    const read = Flowchart.parse(db)
    expect(read.getDirection()).toBe('LR')
    expect(read.getVertices().get('p_b')?.text).toBe(diagramLabel(name))
    expect(renderMermaidSVG(text)).toContain('data-id="p_b"')
  })
  test('is the same for words of Mermaid as ids, and keeps ids apart', async () => {
    const text = textOf(chain({ processes: ['end', 'a-b', 'a_b'], connections: ['{from: a-b, to: a_b}'] }))
    expect(await parses(text)).toBe('flowchart-v2')
    expect(text).toContain('p_a_b["A-B"]')
    expect(text).toContain('p_a_b_2["A_B"]')
  })
  test('sets no colours: states are classes', () => {
    expect(mermaidText(flowOf(example)).text).not.toMatch(/classDef|style |fill/)
  })
})

test('a label has no space that Mermaid shows as &nbsp;, and turns nothing around', () => {
  expect(diagramLabel('1. Unzip')).toBe('1.\u2005Unzip')
  expect(diagramLabel('a\u202eb\u202c c')).toBe('ab c')
})
test('a label is broken into at most three lines', () => {
  expect(diagramLabel('Hadoop and Spark')).toBe('Hadoop and Spark')
  expect(diagramLabel('word '.repeat(40)).split('<br>')).toHaveLength(3)
})

describe('the Mermaid text with states', () => {
  test('is Mermaid, and says states by sign, word and class', async () => {
    const flow = flowOf(example)
    const assessment = assessByHand(flow, new Map<string, HandState>([['unzip', 'failed']]), 0)
    const text = statedText(diagramOf(flow), diagramStates(diagramOf(flow), assessment))
    expect(await parses(text)).toBe('flowchart-v2')
    expect(text).toContain('p_unzip["Unzip<br>✕ Failed"]:::failed')
    expect(text).toContain('p_sql_results["SQL results<br>✓ Healthy"]:::healthy')
  })
})
