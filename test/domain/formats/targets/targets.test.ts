import { describe, expect, it } from 'vitest'
import type { Conversation, Message } from '../../../../src/domain/conversations/conversation.ts'
import { targetTemplates } from '../../../../src/domain/formats/targets/index.ts'
import { ByteSink } from '../../../../src/domain/formats/writers/byte-sink.ts'
import type { Target } from '../../../../src/domain/pipeline/run.ts'

const pair: Message[] = [
  { role: 'user', content: 'Name a river.' },
  { role: 'assistant', content: 'The Elbe.' },
]
const talk = (messages: Message[], rest: Partial<Conversation> = {}): Conversation => ({
  messages,
  meta: {},
  ...rest,
})
const calling = talk(
  [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Weather?' },
    {
      role: 'assistant',
      content: '',
      toolCalls: [{ id: 'c1', name: 'weather', arguments: '{"at":"Bonn"}' }],
    },
    { role: 'tool', content: 'rain', toolCallId: 'c1' },
    { role: 'assistant', content: 'Rain.' },
  ],
  { tools: [{ type: 'function', function: { name: 'weather', parameters: {} } }], meta: { source: 'a' } },
)
const render = (target: Target, conversation: Conversation) => targetTemplates[target].render(conversation)
const refused = { ok: false, reason: 'target-cannot-carry' }

describe('targets', () => {
  it('writes ChatML with meta only when there is some', () => {
    expect(render('chatml', talk(pair))).toEqual({ ok: true, value: { messages: pair } })
    expect(render('chatml', calling)).toMatchObject({
      value: { meta: { source: 'a' }, tools: calling.tools },
    })
  })
  it('writes OpenAI tool calls', () => {
    const made = render('openai', calling)
    const fn = { name: 'weather', arguments: '{"at":"Bonn"}' }
    expect(made).toMatchObject({
      ok: true,
      value: {
        messages: [
          {},
          {},
          { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: fn }] },
          { role: 'tool', content: 'rain', tool_call_id: 'c1' },
          {},
        ],
        tools: calling.tools,
      },
    })
    expect(made.ok && Object.keys(made.value)).toEqual(['messages', 'tools'])
  })
  it('writes ShareGPT', () => {
    expect(render('sharegpt', calling)).toEqual({
      ok: true,
      value: {
        conversations: [
          { from: 'human', value: 'Weather?' },
          { from: 'function_call', value: '{"name":"weather","arguments":{"at":"Bonn"}}' },
          { from: 'observation', value: 'rain' },
          { from: 'gpt', value: 'Rain.' },
        ],
        system: 'Be brief.',
        tools: '[{"name":"weather","parameters":{}}]',
      },
    })
  })
  it('writes Alpaca with history, and the original split while it still fits', () => {
    const next: Message[] = [
      { role: 'user', content: 'Translate\nEau' },
      { role: 'assistant', content: 'Water' },
    ]
    const meta = { instruction: 'Translate', input: 'Eau' }
    expect(render('alpaca', talk([...pair, ...next], { meta }))).toEqual({
      ok: true,
      value: { ...meta, output: 'Water', history: [['Name a river.', 'The Elbe.']] },
    })
    expect(render('alpaca', talk(pair, { meta }))).toEqual({
      ok: true,
      value: { instruction: 'Name a river.', input: '', output: 'The Elbe.' },
    })
  })
  it('writes Vicuna as its code joins turns', () => {
    const made = render('vicuna', talk([{ role: 'system', content: 'Hi.' }, ...pair, ...pair]))
    const turn = 'USER: Name a river. ASSISTANT: The Elbe.</s>'
    expect(made).toEqual({ ok: true, value: { text: `Hi. ${turn}${turn}` } })
    expect(render('vicuna', talk(pair))).toMatchObject({
      value: { text: expect.stringMatching(/^A chat between a curious user .* questions\. USER: /) },
    })
  })
  it.each(['alpaca', 'vicuna'] as const)('%s refuses what it cannot carry', (target) => {
    expect(render(target, calling)).toEqual(refused)
    expect(render(target, talk(pair.toReversed()))).toEqual(refused)
    expect(render(target, talk(pair.slice(0, 1)))).toEqual(refused)
    expect(render(target, talk([]))).toEqual(refused)
  })
  it.each(['USER: again', 'so ASSISTANT: me', 'x</s>y'])('Vicuna refuses %s', (content) => {
    expect(render('vicuna', talk([{ role: 'user', content }, ...pair.slice(1)]))).toEqual(refused)
  })
  it('renders only declared columns', () => {
    for (const template of Object.values(targetTemplates)) {
      for (const each of [calling, talk(pair, { meta: { a: 1 } })]) {
        const made = template.render(each)
        if (made.ok) expect(template.columns).toEqual(expect.arrayContaining(Object.keys(made.value)))
      }
    }
  })
})

describe('plain conversations as texts', () => {
  const plain = [
    talk(pair),
    talk([{ role: 'system', content: 'Kurz, "bitte"\n' }, ...pair], { meta: { source: 'ü', n: [1] } }),
    talk([{ role: 'user', content: '', name: 'Ada' }, ...pair], { tools: [{ type: 'function' }] }),
  ]
  it.each(['chatml', 'openai'] as const)('%s copies what it would have rendered', (target) => {
    for (const conversation of plain) {
      const { messages, tools, meta } = conversation
      const text = (value: unknown) => (value === undefined ? '' : JSON.stringify(value))
      const parts = [text(messages), text(tools), text(meta)].map((part) => Buffer.from(`${part}\t`))
      const [first = 0, second = 0, third = 0] = parts.map((part) => part.length)
      const at = { messages: 0, tools: first, meta: first + second, end: first + second + third }
      const out = new ByteSink(1)
      targetTemplates[target].copyTexts?.({ body: Buffer.concat(parts), ...at }, out)
      const copied = out.bytes.toString()
      const made = render(target, conversation)
      expect(copied).toBe(JSON.stringify(made.ok && made.value))
    }
  })
})
