import { describe, expect, it } from 'vitest'
import { redact } from '../../../src/domain/pipeline/redact.ts'

describe('redact', () => {
  it('replaces everywhere, one number per value', () => {
    const args = '{"body":"\\nann@x.example","card":4111111111111111}'
    const { conversation, counts } = redact(
      {
        messages: [
          { role: 'user', name: 'ann@x.example', content: 'bob@x.example and Ann@x.example, 203.0.113.9' },
          { role: 'assistant', content: '', toolCalls: [{ id: '1', name: 'f', arguments: args }] },
        ],
        tools: [{ about: 'ask bob@x.example' }],
        meta: { from: ['ann@x.example', { cc: 'eve@x.example', n: 4, none: null }] },
      },
      ['email', 'card'],
    )
    expect(conversation).toEqual({
      messages: [
        { role: 'user', name: '[EMAIL_2]', content: '[EMAIL_1] and [EMAIL_2], 203.0.113.9' },
        {
          role: 'assistant',
          content: '',
          toolCalls: [{ id: '1', name: 'f', arguments: '{"body":"\\n[EMAIL_2]","card":"[CARD_1]"}' }],
        },
      ],
      tools: [{ about: 'ask [EMAIL_1]' }],
      meta: { from: ['[EMAIL_2]', { cc: '[EMAIL_3]', n: 4, none: null }] },
    })
    expect(counts).toEqual({ email: 7, card: 1 })
  })
  it('keeps the values of two names that become one placeholder', () => {
    const messages = [{ role: 'user' as const, content: 'Hello.' }]
    const meta = { 'ann@x.example': 1, 'Ann@x.example': 2, 'bob@x.example': 3 }
    expect(redact({ messages, meta }, ['email']).conversation.meta).toEqual({
      '[EMAIL_1]': 1,
      'other.[EMAIL_1]': 2,
      '[EMAIL_2]': 3,
    })
  })
  it('leaves what was not asked for, and arguments as written', () => {
    const toolCalls = [{ id: '1', name: 'f', arguments: '{ "a":  1.0 }' }]
    const conversation = {
      messages: [{ role: 'assistant' as const, content: 'a@b.example', toolCalls }],
      meta: {},
    }
    expect(redact(conversation, ['phone']).conversation).toEqual(conversation)
    const broken = [{ id: '1', name: 'f', arguments: '{"to": a@b.example' }]
    const made = redact({ messages: [{ role: 'assistant', content: '', toolCalls: broken }], meta: {} }, [
      'email',
    ])
    expect(made.conversation.messages[0]?.toolCalls?.[0]?.arguments).toBe('{"to": [EMAIL_1]')
  })
})
