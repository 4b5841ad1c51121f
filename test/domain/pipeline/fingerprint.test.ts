import { expect, it } from 'vitest'
import type { Message } from '../../../src/domain/conversations/conversation.ts'
import { fingerprint } from '../../../src/domain/pipeline/fingerprint.ts'

const key = new Uint8Array(32).fill(7)
const of = (...messages: Message[]) => fingerprint({ messages, meta: {} }, key)

it('ignores whitespace and metadata, not roles, order, words or the key', () => {
  const made = of({ role: 'user', content: ' a  b\n' }, { role: 'assistant', content: 'c' })
  expect(made).toMatch(/^[0-9a-f]{32}$/)
  expect(of({ role: 'user', content: 'a b', meta: { n: 1 } }, { role: 'assistant', content: 'c' })).toBe(made)
  expect(of({ role: 'assistant', content: 'c' }, { role: 'user', content: 'a b' })).not.toBe(made)
  expect(of({ role: 'user', content: 'a b c' })).not.toBe(made)
  expect(fingerprint({ messages: [], meta: {} }, new Uint8Array(32))).not.toBe(of())
})

it('tells tool calls apart', () => {
  const call = (text: string) =>
    of({ role: 'assistant', content: '', toolCalls: [{ id: '1', name: 'f', arguments: text }] })
  expect(call('{"a":1}')).not.toBe(call('{"a":2}'))
})
