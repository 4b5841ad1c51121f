import { describe, expect, it } from 'vitest'
import { ownJson } from '../../../src/domain/json.ts'
import {
  type ConversationLine,
  ConversationShard,
  decodeConversations,
  decodeRaw,
  encodeRaw,
  encodeRawLine,
  splitConversations,
} from '../../../src/domain/pipeline/record-objects.ts'

const lines: ConversationLine[] = [
  {
    origin: [0, 0, 1, 0],
    conversation: { messages: [{ role: 'user', content: 'tab\there, line\nthere, ü' }], meta: {} },
    score: null,
    findings: [],
  },
  {
    origin: [1, 4, null, 99],
    conversation: {
      messages: [
        { role: 'assistant', content: '', toolCalls: [{ id: 'c', name: 'n', arguments: '{}' }] },
        { role: 'tool', content: 'x', toolCallId: 'c', meta: { label: 1 } },
      ],
      tools: [{ type: 'function' }],
      meta: { source: '中文' },
    },
    score: 870,
    findings: [
      {
        rule: 'privacy/email',
        version: 1,
        severity: 'major',
        message: 0,
        span: [1, 3],
        effect: 100,
      },
    ],
  },
]
const encode = (all: readonly ConversationLine[]) => {
  const shard = new ConversationShard()
  for (const line of all) shard.add(line, '')
  return shard.encode()
}

describe('objects of records', () => {
  it('give back the conversations they were made of', () => {
    expect([...decodeConversations(encode(lines))]).toEqual(lines)
    expect([...decodeConversations(encode([]))]).toEqual([])
  })
  it('offer texts to copy only where messages are plain', () => {
    const [plain, calling] = splitConversations(encode(lines))
    const texts = plain?.plainTexts
    expect(texts?.body.toString('utf8', texts.messages, texts.tools - 1)).toBe(
      JSON.stringify(lines[0]?.conversation.messages),
    )
    expect(calling?.plainTexts).toBeUndefined()
  })
  it('give back the raw records they were made of', () => {
    const raw = [{ origin: [3, 4, 5, 6] as const, value: { a: ['\n'] } }]
    expect(decodeRaw(encodeRaw(raw.map(encodeRawLine)))).toEqual(raw)
    expect(decodeRaw(encodeRaw([]))).toEqual([])
  })
  it('give back every number as it was written, in the lines that have such and in those that have none', () => {
    const texts = ['{"id":9007199254740993,"rate":1.0}', '{"id":1}', '[1e400,"=9007199254740993"]']
    const raw = texts.map((text, at) => ({ origin: [at, at, at, at] as const, value: ownJson(text) }))
    const read = decodeRaw(encodeRaw(raw.map(encodeRawLine)))
    expect(read.map(({ value }) => JSON.stringify(value))).toEqual(texts)
  })
})
