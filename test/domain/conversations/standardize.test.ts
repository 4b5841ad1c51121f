import { describe, expect, it } from 'vitest'
import type { Conversation, Role } from '../../../src/domain/conversations/conversation.ts'
import { standardize } from '../../../src/domain/conversations/standardize.ts'
import type { Mapping } from '../../../src/domain/datasets/mapping.ts'
import { alpaca as alpacaTarget } from '../../../src/domain/formats/targets/alpaca.ts'
import { chatml as chatmlTarget } from '../../../src/domain/formats/targets/chatml.ts'
import type { Json, JsonObject } from '../../../src/domain/json.ts'

const chatml: Mapping = {
  shape: 'turns',
  turnsField: 'messages',
  roleField: 'role',
  textField: 'content',
  roles: { system: 'system', user: 'user', assistant: 'assistant', tool: 'tool' },
  toolsField: 'tools',
}
const sharegpt: Mapping = {
  shape: 'turns',
  turnsField: 'conversations',
  roleField: 'from',
  textField: 'value',
  roles: { human: 'user', gpt: 'assistant', function_call: 'assistant', observation: 'tool' },
  systemField: 'system',
  toolsField: 'tools',
}
const alpaca: Mapping = {
  shape: 'exchange',
  instructionField: 'instruction',
  inputField: 'input',
  outputField: 'output',
  systemField: 'system',
  historyField: 'history',
}
const vicunaText: Mapping = { shape: 'text', textField: 'text', markup: 'vicuna' }
const chatmlText: Mapping = { shape: 'text', textField: 'text', markup: 'chatml' }
const rows: Mapping = {
  shape: 'rows',
  keyField: 'session',
  roleField: 'speaker',
  textField: 'utterance',
  roles: { client: 'user', therapist: 'assistant', setting: 'system', device: 'tool' },
}

const hello = { role: 'user', content: 'hello' }
const hi = { role: 'assistant', content: 'hi' }
const helloTurns = [
  { from: 'human', value: 'hello' },
  { from: 'gpt', value: 'hi' },
]

/** As records come: a key called __proto__ is then a field like any other. */
const parsed = (text: string): Json => JSON.parse(text) as Json

function made(value: Json, mapping: Mapping): Conversation {
  const conversation = standardize(value, mapping)
  if (typeof conversation === 'string') throw new Error(`refused: ${conversation}`)
  return conversation
}

describe('standardizing a list of turns', () => {
  it('makes the messages in their order', () => {
    expect(standardize({ messages: [hello, hi] }, chatml)).toEqual({ messages: [hello, hi], meta: {} })
  })
  it('takes a record that is the list itself', () => {
    const { turnsField: _field, ...bare } = chatml
    expect(standardize([hello, hi], bare)).toEqual({ messages: [hello, hi], meta: {} })
  })
  it('takes the list as JSON text, as tables carry it', () => {
    const text = ` ${JSON.stringify([hello, hi])}`
    expect(standardize({ messages: text }, chatml)).toEqual({ messages: [hello, hi], meta: {} })
  })
  it('knows a role whatever its case and the space around it', () => {
    const messages = [{ role: ' User ', content: 'hello' }, hi]
    expect(made({ messages }, chatml).messages).toEqual([hello, hi])
  })
  it('puts the system field before the turns, unless it is empty', () => {
    const system = { role: 'system', content: 'Be kind.' }
    expect(made({ system: 'Be kind.', conversations: helloTurns }, sharegpt)).toEqual({
      messages: [system, hello, hi],
      meta: {},
    })
    expect(made({ system: '', conversations: helloTurns }, sharegpt)).toEqual({
      messages: [hello, hi],
      meta: {},
    })
  })
  it('keeps what the mapping does not name: of the record, of a turn, and the name of a speaker', () => {
    const record = {
      id: 7,
      labels: { topic: ['sleep'] },
      messages: [{ ...hello, name: 'Ada', at: '09:00' }, hi],
    }
    expect(standardize(record, chatml)).toEqual({
      messages: [{ ...hello, name: 'Ada', meta: { at: '09:00' } }, hi],
      meta: { id: 7, labels: { topic: ['sleep'] } },
    })
  })
  it('keeps a field called __proto__ as a field', () => {
    const record = parsed(
      '{"__proto__":{"a":1},"messages":[{"role":"user","content":"hello","__proto__":"x"},{"role":"assistant","content":"hi"}]}',
    )
    const { messages, meta } = made(record, chatml)
    expect(Object.getOwnPropertyDescriptor(meta, '__proto__')?.value).toEqual({ a: 1 })
    expect(Object.getPrototypeOf(meta)).toBe(Object.prototype)
    expect(Object.keys(messages[0]?.meta ?? {})).toEqual(['__proto__'])
    expect(JSON.stringify(meta)).toBe('{"__proto__":{"a":1}}')
  })
  it('reads a role called constructor when the mapping names it', () => {
    const names = new Map<string, Role>([
      ['constructor', 'user'],
      ['assistant', 'assistant'],
    ])
    const mapping: Mapping = { ...chatml, roles: Object.fromEntries(names) }
    const record = { messages: [{ role: 'constructor', content: 'hello' }, hi] }
    expect(made(record, mapping).messages).toEqual([hello, hi])
  })
  it('reads content that is a number, a boolean or a list of text parts', () => {
    const messages = [
      { role: 'user', content: 4 },
      { role: 'assistant', content: true },
      { role: 'user', content: ['a', { type: 'text', text: 'b' }, { content: 'c' }] },
    ]
    expect(made({ messages }, chatml).messages.map(({ content }) => content)).toEqual(['4', 'true', 'abc'])
  })
  it('keeps parts of a content whose text does not say all of it', () => {
    const parts = ['a', { type: 'text', text: 'b' }]
    const cited = [{ type: 'text', text: 'c', citations: [1] }]
    const whole = [{ type: 'text', text: 'd' }]
    const messages = [parts, cited, whole].map((content) => ({ role: 'user', content }))
    expect(made({ messages }, chatml).messages).toEqual([
      { role: 'user', content: 'ab', meta: { content: parts } },
      { role: 'user', content: 'c', meta: { content: cited } },
      { role: 'user', content: 'd' },
    ])
    const row = (utterance: Json) => ({ session: '1', speaker: 'client', utterance })
    expect(made([row(cited), row(whole)], rows)).toEqual({
      messages: [
        { role: 'user', content: 'c', meta: { utterance: cited } },
        { role: 'user', content: 'd' },
      ],
      meta: { session: '1' },
    })
  })
  it('keeps what a call says beyond its name and arguments', () => {
    const plain = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }
    const indexed = { ...plain, index: 0 }
    const strict = { ...plain, id: 'b', function: { ...plain.function, strict: true } }
    const tool_calls = [plain, indexed, strict]
    const [message] = made(
      { messages: [{ role: 'assistant', content: 'Wait.', tool_calls }] },
      chatml,
    ).messages
    expect(message?.toolCalls).toHaveLength(3)
    expect(message?.meta).toEqual({ tool_calls: [indexed, strict] })
    const function_call = { name: 'f', arguments: '{}', why: 'asked' }
    const [old] = made({ messages: [{ role: 'assistant', content: null, function_call }] }, chatml).messages
    expect(old).toMatchObject({ toolCalls: [{ name: 'f' }], meta: { function_call } })
    const value = '{"name":"f","arguments":{},"why":"asked"}'
    const [turn] = made({ conversations: [{ from: 'function_call', value }] }, sharegpt).messages
    expect(turn).toMatchObject({ content: '', toolCalls: [{ name: 'f' }], meta: { value } })
  })
  it('joins consecutive turns of one role with an equal join value', () => {
    const mapping: Mapping = { ...chatml, joinField: 'volley' }
    const turn = (role: string, content: string, volley: number) => ({ role, content, volley })
    const messages = [
      turn('user', 'I sleep', 1),
      turn('user', 'badly.', 1),
      turn('user', 'Since May.', 2),
      turn('assistant', 'Tell me more.', 2),
    ]
    expect(made({ messages }, mapping).messages).toEqual([
      { role: 'user', content: 'I sleep badly.', meta: { volley: 1 } },
      { role: 'user', content: 'Since May.', meta: { volley: 2 } },
      { role: 'assistant', content: 'Tell me more.', meta: { volley: 2 } },
    ])
  })
  it('joins no turns that lack the join field', () => {
    const mapping: Mapping = { ...chatml, joinField: 'volley' }
    expect(made({ messages: [hello, hello] }, mapping).messages).toEqual([hello, hello])
  })

  it('joins turns whose other fields agree or stand in one of them, and keeps them all', () => {
    const mapping: Mapping = { ...chatml, joinField: 'volley' }
    const messages = [
      { role: 'user', content: 'I sleep', name: 'Ada', volley: 1, at: '09:00' },
      { role: 'user', content: 'badly.', name: 'Ada', volley: 1, mood: 'low' },
    ]
    expect(made({ messages }, mapping).messages).toEqual([
      { role: 'user', content: 'I sleep badly.', name: 'Ada', meta: { volley: 1, at: '09:00', mood: 'low' } },
    ])
  })
  it('joins turns whose other fields differ, and keeps those of the later ones in a list', () => {
    const mapping: Mapping = { ...chatml, joinField: 'volley' }
    const turn = (content: string, rest: JsonObject) => ({ role: 'user', content, volley: 1, ...rest })
    const messages = [turn('I', { n: 1, joined: 'May' }), turn('sleep', {}), turn('badly.', { n: 3 })]
    expect(made({ messages }, mapping).messages).toEqual([
      {
        role: 'user',
        content: 'I sleep badly.',
        meta: { volley: 1, n: 1, joined: 'May', 'meta.joined': [{ volley: 1 }, { volley: 1, n: 3 }] },
      },
    ])
  })
  it('joins no turns of which one would hide the name or the calls of the other', () => {
    const mapping: Mapping = { ...chatml, joinField: 'volley' }
    const turn = (role: string, content: string, rest: JsonObject) => ({ role, content, volley: 1, ...rest })
    const tool_calls = ['c1', 'c2'].map((id) => ({ id, function: { name: 'weather', arguments: '{}' } }))
    const messages = [
      turn('user', 'hello', { name: 'Ada' }),
      turn('user', 'hello', { name: 'Bob' }),
      turn('user', 'anyone?', {}),
      turn('assistant', 'One moment.', {}),
      turn('assistant', '', { tool_calls }),
      turn('tool', 'sunny', {}),
      turn('tool', 'rainy', {}),
    ]
    const read = made({ messages }, mapping).messages
    expect(read.map(({ content }) => content)).toEqual(messages.map(({ content }) => content))
    expect(read.map(({ name }) => name).slice(0, 3)).toEqual(['Ada', 'Bob', undefined])
    expect(read[4]?.toolCalls).toHaveLength(2)
  })
  it('joins no turns by what every object inherits', () => {
    const mapping: Mapping = { ...chatml, joinField: 'constructor' }
    expect(made({ messages: [hello, hello] }, mapping).messages).toEqual([hello, hello])
  })
  it('keeps what a named field of a turn holds and a message cannot', () => {
    const messages = [
      { ...hello, name: { first: 'Ada' }, tool_call_id: 'c7' },
      { ...hi, name: null, tool_call_id: null, tool_calls: 'weather', function_call: 'weather' },
      { ...hi, tool_calls: null, function_call: null },
      { ...hi, tool_calls: [] },
    ]
    expect(made({ messages }, chatml).messages).toEqual([
      { ...hello, meta: { name: { first: 'Ada' }, tool_call_id: 'c7' } },
      { ...hi, meta: { tool_calls: 'weather', function_call: 'weather' } },
      hi,
      hi,
    ])
  })
  it('keeps a system field that is no text in meta', () => {
    const record = { system: { text: 'Be kind.' }, conversations: helloTurns }
    expect(made(record, sharegpt)).toEqual({
      messages: [hello, hi],
      meta: { system: { text: 'Be kind.' } },
    })
  })
  it.each<[string, Json]>([
    ['a text', 'hello'],
    ['null', null],
    ['a record without the list', { turns: [hello] }],
    ['text that begins like a list and is none', { messages: '[{"role":' }],
    ['an object where the list should be', { messages: { 0: hello } }],
  ])('refuses %s as not-a-conversation', (_name, value) => {
    expect(standardize(value, chatml)).toBe('not-a-conversation')
  })
  it.each<[string, Json]>([
    ['an empty list', []],
    ['system messages alone', [{ role: 'system', content: 'Be kind.' }]],
  ])('refuses %s as no-messages', (_name, messages) => {
    expect(standardize({ messages }, chatml)).toBe('no-messages')
  })
  it.each<[string, string]>([
    ['that the mapping does not name', '{"role":"narrator","content":"x"}'],
    ['called constructor', '{"role":"constructor","content":"x"}'],
    ['called __proto__', '{"role":"__proto__","content":"x"}'],
    ['that is missing', '{"content":"x"}'],
    ['that is no text', '{"role":1,"content":"x"}'],
  ])('refuses a role %s as unknown-role', (_name, turn) => {
    expect(standardize({ messages: [hello, parsed(turn)] }, chatml)).toBe('unknown-role')
  })
  it.each<[string, JsonObject]>([
    ['no content', {}],
    ['null and no call', { content: null }],
    ['an object', { content: { text: 'x' } }],
    ['a list with a part that is no text', { content: ['a', { type: 'image_url' }] }],
  ])('refuses a turn whose content is %s as text-missing', (_name, content) => {
    expect(standardize({ messages: [hello, { role: 'assistant', ...content }] }, chatml)).toBe('text-missing')
  })
  it.each<[string, Json]>([
    ['a text', 'hi'],
    ['a list', ['user', 'hi']],
    ['null', null],
  ])('refuses a turn that is %s as bad-turn', (_name, turn) => {
    expect(standardize({ messages: [hello, turn] }, chatml)).toBe('bad-turn')
  })
})

describe('standardizing tool calls', () => {
  const weather = { name: 'weather', arguments: '{"city":"Bern"}' }

  it('reads tool_calls, with null beside them, and the result that names its call', () => {
    const messages = [
      hello,
      { role: 'assistant', content: null, tool_calls: [{ id: 'c7', type: 'function', function: weather }] },
      { role: 'tool', content: 'sunny', tool_call_id: 'c7' },
    ]
    expect(made({ messages }, chatml).messages).toEqual([
      hello,
      { role: 'assistant', content: '', toolCalls: [{ id: 'c7', ...weather }] },
      { role: 'tool', content: 'sunny', toolCallId: 'c7' },
    ])
  })
  it('reads the deprecated function_call', () => {
    const messages = [hello, { role: 'assistant', content: null, function_call: weather }]
    expect(made({ messages }, chatml).messages[1]).toEqual({
      role: 'assistant',
      content: '',
      toolCalls: [{ id: 'call_1', ...weather }],
    })
  })
  it('keeps a function_call beside the tool_calls that were read', () => {
    const tool_calls = [{ id: 'c7', function: weather }]
    const messages = [hello, { ...hi, tool_calls, function_call: { name: 'clock' } }]
    expect(made({ messages }, chatml).messages[1]).toEqual({
      ...hi,
      toolCalls: [{ id: 'c7', ...weather }],
      meta: { function_call: { name: 'clock' } },
    })
  })
  it('keeps the entries of tool_calls that are no call, and content that is no text beside calls', () => {
    const custom = { id: 'c8', type: 'custom', custom: { name: 'grep' } }
    const tool_calls = [{ id: 'c7', function: weather }, custom, 'x']
    const messages = [hello, { role: 'assistant', content: { image: 1 }, tool_calls }]
    expect(made({ messages }, chatml).messages[1]).toEqual({
      role: 'assistant',
      content: '',
      toolCalls: [{ id: 'c7', ...weather }],
      meta: { content: { image: 1 }, tool_calls: [custom, 'x'] },
    })
  })
  it('gives the nth result without an id the nth of several parallel calls', () => {
    const tool_calls = ['c1', 'c2', 'c3', 'c4'].map((id) => ({ id, function: weather }))
    const result = (rest: JsonObject = {}) => ({ role: 'tool', content: 'sunny', ...rest })
    const messages = [
      hello,
      { role: 'assistant', content: null, tool_calls },
      result(),
      result({ tool_call_id: 'c3' }),
      result({ tool_call_id: { id: 'c2' } }),
      result(),
      result(),
    ]
    const read = made({ messages }, chatml).messages
    expect(read.slice(2).map(({ toolCallId }) => toolCallId)).toEqual(['c1', 'c3', 'c2', 'c4', 'c4'])
    expect(read[4]?.meta).toEqual({ tool_call_id: { id: 'c2' } })
  })
  it('takes neighbouring ShareGPT calls for parallel, and leaves behind a call that nobody answered', () => {
    const call = { from: 'function_call', value: JSON.stringify(weather) }
    const result = { from: 'observation', value: 'sunny' }
    const conversations = [call, call, result, result, call, ...helloTurns, call, result]
    const read = made({ conversations }, sharegpt).messages
    expect(read.flatMap(({ toolCallId }) => toolCallId ?? [])).toEqual(['call_1', 'call_2', 'call_4'])
  })
  it('reads ids that are numbers as text', () => {
    const messages = [
      { role: 'assistant', content: null, tool_calls: [{ id: 7, function: weather }] },
      { role: 'tool', content: 'sunny', tool_call_id: 7 },
    ]
    expect(made({ messages }, chatml).messages).toEqual([
      { role: 'assistant', content: '', toolCalls: [{ id: '7', ...weather }] },
      { role: 'tool', content: 'sunny', toolCallId: '7' },
    ])
  })
  it('leaves a list of calls as text when one of them is no call', () => {
    const value = JSON.stringify([weather, 'clock'])
    const conversations = [...helloTurns, { from: 'function_call', value }]
    expect(made({ conversations }, sharegpt).messages[2]).toEqual({ role: 'assistant', content: value })
  })
  it('reads ShareGPT calls from their text, with ids by position, one for each result', () => {
    const call = JSON.stringify({ name: 'weather', arguments: { city: 'Bern' } })
    const conversations = [
      { from: 'human', value: 'hello' },
      { from: 'function_call', value: call },
      { from: 'observation', value: 'sunny' },
      { from: 'function_call', value: `[${call}]` },
      { from: 'observation', value: 'rainy' },
    ]
    expect(made({ conversations }, sharegpt).messages).toEqual([
      hello,
      { role: 'assistant', content: '', toolCalls: [{ id: 'call_1', ...weather }] },
      { role: 'tool', content: 'sunny', toolCallId: 'call_1' },
      { role: 'assistant', content: '', toolCalls: [{ id: 'call_2', ...weather }] },
      { role: 'tool', content: 'rainy', toolCallId: 'call_2' },
    ])
  })
  it('keeps arguments that do not parse as they are written', () => {
    const tool_calls = [{ id: 'c', function: { name: 'weather', arguments: '{"city":' } }]
    const messages = [hello, { role: 'assistant', content: null, tool_calls }]
    expect(made({ messages }, chatml).messages[1]?.toolCalls?.[0]?.arguments).toBe('{"city":')
  })
  it('leaves a call that does not parse as text', () => {
    const conversations = [...helloTurns, { from: 'function_call', value: 'weather(' }]
    expect(made({ conversations }, sharegpt).messages[2]).toEqual({ role: 'assistant', content: 'weather(' })
  })
  it('gives a result that no call came before an id all the same', () => {
    const conversations = [{ from: 'observation', value: 'sunny' }]
    expect(made({ conversations }, sharegpt).messages).toEqual([
      { role: 'tool', content: 'sunny', toolCallId: 'call_0' },
    ])
  })
  it('puts function definitions into the envelope of OpenAI, from a list or its text', () => {
    const bare = { name: 'weather', parameters: {} }
    const tool = { type: 'function', function: bare }
    for (const tools of [[bare], [tool], JSON.stringify([bare])]) {
      expect(made({ conversations: helloTurns, tools }, sharegpt)).toEqual({
        messages: [hello, hi],
        tools: [tool],
        meta: {},
      })
    }
  })
  it('keeps a tools field that is no list of definitions in meta', () => {
    const record = { conversations: helloTurns, tools: 'hammer' }
    expect(made(record, sharegpt)).toEqual({ messages: [hello, hi], meta: { tools: 'hammer' } })
  })
})

describe('standardizing our own export', () => {
  const conversation: Conversation = {
    messages: [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'hello', name: 'Ada' },
      { role: 'assistant', content: '', toolCalls: [{ id: 'c7', name: 'weather', arguments: '{}' }] },
      { role: 'tool', content: 'sunny', toolCallId: 'c7' },
      { role: 'assistant', content: 'It is sunny.' },
    ],
    tools: [{ type: 'function', function: { name: 'weather' } }],
    meta: { id: 7, source: null, labels: ['a'] },
  }
  const exported = chatmlTarget.render(conversation)
  const record = exported.ok ? exported.value : {}

  it('brings a conversation back as it went out', () => {
    expect(standardize(record, chatml)).toEqual(conversation)
  })
  it('brings it back from the texts of a table', () => {
    const texts = Object.entries(record).map(([field, value]) => [field, JSON.stringify(value)])
    expect(standardize(Object.fromEntries(texts), chatml)).toEqual(conversation)
  })
  it('takes an empty cell of a table for no field', () => {
    const row = { messages: JSON.stringify([hello, hi]), tools: null, meta: null }
    expect(standardize(row, chatml)).toEqual({ messages: [hello, hi], meta: {} })
  })
  it('leaves a meta field that is no object where it is', () => {
    expect(made({ messages: [hello, hi], meta: '{broken' }, chatml).meta).toEqual({ meta: '{broken' })
  })
  it('takes a meta cell without text for no field', () => {
    const row = { messages: JSON.stringify([hello, hi]), tools: '', meta: '' }
    expect(standardize(row, chatml)).toEqual({ messages: [hello, hi], meta: {} })
  })
  it('keeps a field beside meta and the key of the same name in it', () => {
    const record = {
      messages: [hello, hi],
      meta: { id: 1, 'meta.id': 2, note: 'x', source: 'b' },
      id: 3,
      note: null,
    }
    expect(made(record, chatml).meta).toEqual({
      id: 3,
      'meta.id': 1,
      'meta.meta.id': 2,
      note: 'x',
      source: 'b',
    })
  })
  it('unfolds a field called __proto__ as a field', () => {
    const folded = parsed('{"messages":[{"role":"user","content":"hello"}],"meta":{"__proto__":1}}')
    expect(JSON.stringify(made(folded, chatml).meta)).toBe('{"__proto__":1}')
  })
})

describe('standardizing an exchange', () => {
  it('makes a question and its answer, and keeps the rest', () => {
    const record = { instruction: 'hello', input: '', output: 'hi', id: 7 }
    expect(standardize(record, alpaca)).toEqual({ messages: [hello, hi], meta: { id: 7 } })
  })
  it('puts the input below the instruction and remembers where one ends', () => {
    const record = { instruction: 'Translate.', input: 'hallo', output: 'hello' }
    expect(standardize(record, alpaca)).toEqual({
      messages: [
        { role: 'user', content: 'Translate.\nhallo' },
        { role: 'assistant', content: 'hello' },
      ],
      meta: { instruction: 'Translate.', input: 'hallo' },
    })
  })
  it('keeps fields called instruction and input that are not the prompt, and finds the way back', () => {
    const mapping: Mapping = {
      shape: 'exchange',
      instructionField: 'task',
      inputField: 'context',
      outputField: 'output',
    }
    const own = { instruction: 'own', input: 7, 'record.input': 8 }
    const conversation = made({ task: 'Translate.', context: 'hallo', output: 'hello', ...own }, mapping)
    expect(conversation.meta).toEqual({
      instruction: 'Translate.',
      input: 'hallo',
      'record.instruction': 'own',
      'record.input': 8,
      'record.record.input': 7,
    })
    expect(alpacaTarget.render(conversation)).toEqual({
      ok: true,
      value: { instruction: 'Translate.', input: 'hallo', output: 'hello' },
    })
  })
  it('keeps what a named field holds and a conversation cannot', () => {
    const unusable = { input: ['hallo'], system: 7, history: 'none so far' }
    expect(standardize({ instruction: 'hello', output: 'hi', ...unusable }, alpaca)).toEqual({
      messages: [hello, hi],
      meta: unusable,
    })
    const empty = { input: null, system: null, history: '' }
    expect(standardize({ instruction: 'hello', output: 'hi', ...empty }, alpaca)).toEqual({
      messages: [hello, hi],
      meta: {},
    })
  })
  it.each<[string, Json]>([
    ['a list', [['hello', 'hi']]],
    ['its text', '[["hello","hi"]]'],
  ])('puts the system text and the history as %s first', (_name, history) => {
    const record = { system: 'Be kind.', history, instruction: 'Bye', output: 'Farewell' }
    expect(standardize(record, alpaca)).toEqual({
      messages: [
        { role: 'system', content: 'Be kind.' },
        hello,
        hi,
        { role: 'user', content: 'Bye' },
        { role: 'assistant', content: 'Farewell' },
      ],
      meta: {},
    })
  })
  it('keeps a field called __proto__ as a field', () => {
    const record = parsed('{"instruction":"hello","output":"hi","__proto__":1}')
    expect(JSON.stringify(made(record, alpaca).meta)).toBe('{"__proto__":1}')
  })

  it('refuses what is no object as not-a-conversation', () => {
    for (const value of ['hello', null, ['hello', 'hi']]) {
      expect(standardize(value, alpaca)).toBe('not-a-conversation')
    }
  })
  it('refuses an exchange without instruction or output as text-missing', () => {
    expect(standardize({ instruction: 'hello' }, alpaca)).toBe('text-missing')
    expect(standardize({ output: 'hi' }, alpaca)).toBe('text-missing')
    expect(standardize({ instruction: 'hello', output: null }, alpaca)).toBe('text-missing')
  })
  it.each<[string, Json]>([
    ['a text', ['hello']],
    ['one text alone', [['hello']]],
    ['something else than texts', [['hello', 1]]],
  ])('refuses a history pair that is %s as bad-turn', (_name, history) => {
    expect(standardize({ history, instruction: 'Bye', output: 'Farewell' }, alpaca)).toBe('bad-turn')
  })
})

describe('standardizing marked-up text', () => {
  it('reads Vicuna in its three spellings, and keeps the rest', () => {
    for (const text of [
      'USER: hello ASSISTANT: hi</s>',
      'USER: hello\nASSISTANT: hi</s>',
      'USER: hello ASSISTANT:hi</s>',
    ]) {
      expect(standardize({ text, id: 7 }, vicunaText)).toEqual({ messages: [hello, hi], meta: { id: 7 } })
    }
  })
  it('reads ChatML, and a record that is the text itself', () => {
    const text = '<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\nhi<|im_end|>\n'
    expect(standardize(text, chatmlText)).toEqual({ messages: [hello, hi], meta: {} })
  })
  it('reads ChatML whose lines end in CRLF', () => {
    const text = '<|im_start|>user\r\nhello\r\n<|im_end|>\r\n<|im_start|>assistant\r\nhi\r\n<|im_end|>\r\n'
    expect(standardize(text, chatmlText)).toEqual({ messages: [hello, hi], meta: {} })
  })
  it('takes the generation prompt at the end for no message', () => {
    const text = '<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n'
    expect(made({ text }, chatmlText).messages).toEqual([hello])
    expect(made({ text: 'USER: hello ASSISTANT:' }, vicunaText).messages).toEqual([hello])
  })
  it('takes a system text of its own for a message', () => {
    expect(made({ text: 'Be kind. USER: hello ASSISTANT: hi' }, vicunaText).messages).toEqual([
      { role: 'system', content: 'Be kind.' },
      hello,
      hi,
    ])
  })
  it('keeps a field called __proto__ as a field', () => {
    const record = parsed('{"text":"USER: hello ASSISTANT: hi","__proto__":1}')
    expect(JSON.stringify(made(record, vicunaText).meta)).toBe('{"__proto__":1}')
  })

  it('refuses text without a marker as not-a-conversation', () => {
    expect(standardize({ text: 'hello' }, vicunaText)).toBe('not-a-conversation')
    expect(standardize({ text: 'hello <|im_start|>user' }, chatmlText)).toBe('not-a-conversation')
  })
  it('refuses text in which nobody speaks as no-messages', () => {
    expect(standardize({ text: '<|im_start|>system\nBe kind.<|im_end|>' }, chatmlText)).toBe('no-messages')
    expect(standardize({ text: 'ASSISTANT: hi' }, vicunaText)).toBe('no-messages')
  })
  it.each(['narrator', 'constructor'])('refuses the role %s, which ChatML does not have', (role) => {
    expect(standardize({ text: `<|im_start|>${role}\nx<|im_end|>` }, chatmlText)).toBe('unknown-role')
  })
  it('refuses a record without the text as text-missing', () => {
    for (const value of [{ id: 7 }, { text: 7 }, null]) {
      expect(standardize(value, chatmlText)).toBe('text-missing')
    }
  })
  it.each<[string, string, Mapping]>([
    ['a ChatML end inside a text', '<|im_start|>user\na<|im_end|>b<|im_end|>', chatmlText],
    ['a ChatML start inside a text', '<|im_start|>user\na <|im_start|>user b<|im_end|>', chatmlText],
    ['a ChatML turn without a role', '<|im_start|>\na<|im_end|>', chatmlText],
    ['a Vicuna end inside a text', 'USER: a</s>b ASSISTANT: c', vicunaText],
    ['a Vicuna speaker twice in a row', 'USER: I said USER: a ASSISTANT: c', vicunaText],
  ])('refuses %s as ambiguous-delimiter', (_name, text, mapping) => {
    expect(standardize({ text }, mapping)).toBe('ambiguous-delimiter')
  })
})

describe('standardizing the rows of a table', () => {
  const row = (speaker: Json, utterance: Json, rest: JsonObject = {}) => ({ speaker, utterance, ...rest })

  it('makes a message of each; what all rows share describes the conversation, the rest its message', () => {
    const value = [
      row('Client', 'hello', { session: 's1', at: 1 }),
      row('Therapist', 'hi', { session: 's1', at: 2 }),
    ]
    expect(standardize(value, rows)).toEqual({
      messages: [
        { ...hello, meta: { at: 1 } },
        { ...hi, meta: { at: 2 } },
      ],
      meta: { session: 's1' },
    })
  })
  it('keeps a column that only a later row has', () => {
    const value = [row('client', 'hello'), row('therapist', 'hi', { note: 'smiles' })]
    expect(made(value, rows).messages).toEqual([hello, { ...hi, meta: { note: 'smiles' } }])
  })
  it('gives a result the id of its call, and keeps the id beside other roles', () => {
    const value = [
      row('client', 'hello', { tool_call_id: 'c7' }),
      row('device', 'sunny', { tool_call_id: 'c7' }),
      row('device', 'rainy', { tool_call_id: '' }),
    ]
    expect(standardize(value, rows)).toEqual({
      messages: [
        { ...hello, meta: { tool_call_id: 'c7' } },
        { role: 'tool', content: 'sunny', toolCallId: 'c7' },
        { role: 'tool', content: 'rainy', toolCallId: 'call_0' },
      ],
      meta: {},
    })
  })
  it('keeps a column called __proto__ as a column', () => {
    const same = parsed('[{"speaker":"client","utterance":"hello","__proto__":1}]')
    expect(JSON.stringify(made(same, rows).meta)).toBe('{"__proto__":1}')
    const differing = parsed(
      '[{"speaker":"client","utterance":"hello","__proto__":1},{"speaker":"therapist","utterance":"hi","__proto__":2}]',
    )
    const { messages, meta } = made(differing, rows)
    expect(messages.map((message) => JSON.stringify(message.meta))).toEqual([
      '{"__proto__":1}',
      '{"__proto__":2}',
    ])
    expect(meta).toEqual({})
  })

  it('refuses what is no list of rows as not-a-conversation', () => {
    expect(standardize(row('client', 'hello'), rows)).toBe('not-a-conversation')
  })
  it('refuses a list without rows as no-messages', () => {
    expect(standardize([], rows)).toBe('no-messages')
  })
  it('refuses rows in which nobody speaks as no-messages', () => {
    expect(standardize([row('setting', 'A quiet room.')], rows)).toBe('no-messages')
  })
  it.each<[string, Json]>([
    ['that the mapping does not name', 'narrator'],
    ['called constructor', 'constructor'],
    ['called __proto__', '__proto__'],
    ['that is no text', null],
  ])('refuses a speaker %s as unknown-role', (_name, speaker) => {
    expect(standardize([row('client', 'hello'), row(speaker, 'x')], rows)).toBe('unknown-role')
  })
  it('refuses a row without words as text-missing', () => {
    expect(standardize([row('client', null)], rows)).toBe('text-missing')
  })
})

describe('standardizing without a mapping', () => {
  it('refuses everything as not-a-conversation', () => {
    expect(standardize({ messages: [hello, hi] }, { shape: 'none' })).toBe('not-a-conversation')
  })
})
