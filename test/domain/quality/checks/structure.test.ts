import { describe, expect, it } from 'vitest'
import type { Message } from '../../../../src/domain/conversations/conversation.ts'
import { structure } from '../../../../src/domain/quality/checks/structure.ts'

const u = (content: string): Message => ({ role: 'user', content })
const a = (content: string): Message => ({ role: 'assistant', content })
const s: Message = { role: 'system', content: 'Be kind.' }
const call: Message = { role: 'assistant', content: '', toolCalls: [{ id: '1', name: 'f', arguments: '{}' }] }
const tool: Message = { role: 'tool', content: '', toolCallId: '1' }
const rules = (...messages: Message[]) =>
  structure.inspect({ messages, meta: {} }).map(({ rule }) => rule.replace('structure/', ''))

describe('structure', () => {
  it.each<[string, Message[], string[]]>([
    ['good', [s, u('Hi'), a('Hello')], []],
    ['tool round', [u('Hi'), call, tool, a('Done')], []],
    ['accents', [u('NÃO, «IRMÃ» Â fin\r\n\t'), a('“Ça â” 👩‍🚀')], ['text-evened-out']],
    ['letters in parts', [u('Hi'), a('cafe\u0301 '), u('a\u00a0b'), a('Bye')], ['text-evened-out']],
    ['no user', [a('Hi')], ['no-user', 'starts-with-assistant']],
    ['no assistant', [u('Hi')], ['no-assistant', 'ends-with-user']],
    ['nothing', [], ['no-user', 'no-assistant']],
    ['twice', [u('Hi'), u('Hi?'), a('Hello')], ['not-alternating']],
    ['greeting', [a('Hi'), u('Hello'), a('So?')], ['starts-with-assistant']],
    ['cut off', [u('Hi'), a('Hello'), u('So?')], ['ends-with-user']],
    ['empty', [u(' \n'), a('Hello')], ['text-evened-out', 'empty-message']],
    ['long', [u('Hi'), a('x'.repeat(32_001))], ['long-message']],
    ['lost', [u('caf\ufffd'), a('Hello')], ['replacement-character']],
    ['garbled', [u('cafÃ© donâ€™t'), a('Hello')], ['mojibake']],
    ['control', [u('a\u0007'), a('Hello')], ['control-character']],
  ])('%s', (_, messages, expected) => expect(rules(...messages)).toEqual(expected))
})
