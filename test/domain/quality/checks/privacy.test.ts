import { describe, expect, it } from 'vitest'
import { findPersonalData, privacy } from '../../../../src/domain/quality/checks/privacy.ts'
import { cpuMs } from '../../../support/cpu-time.ts'

const found = (text: string) =>
  findPersonalData(text).map(({ kind, start, end }) => [kind, text.slice(start, end)])

describe('privacy finds', () => {
  it.each([
    ['email', 'jo.lee+x@mail.example.org', (v: string) => `Write to ${v}, please.`],
    ['email', 'zoë@bücher.example', (v: string) => `<${v}>`],
    ['phone', '(212) 555-0147', (v: string) => `My number is ${v}.`],
    ['phone', '212-555-0147', (v: string) => `Ring ${v} after six.`],
    ['phone', '212.555.0147', (v: string) => `T ${v}`],
    ['phone', '+49 (0)30 1234567', (v: string) => `Berlin: ${v}.`],
    ['phone', '+442079460958', (v: string) => `try ${v} now`],
    ['phone', '020 7946 0958', (v: string) => `London ${v}`],
    ['phone', '06 12 34 56 78', (v: string) => `Appelle le ${v} !`],
    ['phone', '2125550147', (v: string) => `Just call me at ${v}`],
    ['phone', '555-0147', (v: string) => `My cell is ${v}`],
    ['ssn', '219-09-9999', (v: string) => `It is ${v}.`],
    ['ssn', '219099999', (v: string) => `SSN: ${v}`],
    ['card', '4111 1111 1111 1111', (v: string) => `Card ${v} exp 12/29`],
    ['card', '378282246310005', (v: string) => `amex ${v}.`],
    ['card', '5555-5555-5555-4444', (v: string) => `use ${v}`],
    ['ip', '203.0.113.77', (v: string) => `Logged in from ${v}.`],
    ['ip', '2001:db8::8a2e:370:7334', (v: string) => `From ${v}: refused`],
    ['ip', 'fe80::1', (v: string) => `gateway ${v}`],
  ])('%s %s', (kind, value, within) => expect(found(within(value))).toEqual([[kind, value]]))
})

describe('privacy leaves alone', () => {
  it.each([
    'Call 988 or text HOME to 741741; in the UK 116 123, in Australia 13 11 14.',
    'The Lifeline is 1-800-273-8255, or (800) 273-8255, or 1 800 273 8255.',
    'Emergency: 911, 112, 999. Free: 0800 111 0111, 0800 1110333, 1-888-555-0199, 1-877-555-0199.',
    'Call us on 1-866-555-0188 or +1 800 273 8255 or +44 800 111 0111.',
    'On 2024-05-17, 17.05.2024 and 05/17/2024 at 10:30:45 it rained.',
    'From 01.02.2024 10 to 12, between 1998-2004.',
    'It costs $1,234,567.89 or 1.234.567,89 € or £200 300 4000.',
    'Version 10.4.2.1 and v1.2.3.4 run on node 24.1.0.',
    'Order 1234567890, ticket #2125550147, id 20240517103045.',
    'Card 4111 1111 1111 1112 has a wrong digit; 0000 0000 0000 0000 too.',
    'Not valid: 000-12-3456, 666-12-3456, 912-34-5678, 123-00-4567.',
    'Listens on 127.0.0.1 and 0.0.0.0, mask 255.255.255.0; not 300.1.2.3.',
    'std::vector and ::1 and 00:1a:2b:3c:4d:5e and ratio 16:9.',
    'Use icon@2x.png, @someone and pkg@1.2.3, or git@host.example:repo.',
    'pi is 3.14159265358979 and 1 2 3 4 5 6 7 8 9 10 are numbers.',
    'ISBN 978-3-16-148410-0; uuid 550e8400-e29b-41d4-a716-446655440000.',
  ])('%s', (text) => expect(found(text)).toEqual([]))
})

describe('privacy check', () => {
  it('points at the span and at messages whose tool calls hold data', () => {
    const toolCalls = [{ id: '1', name: 'mail', arguments: '{"to":"a@b.example"}' }]
    const findings = privacy.inspect({
      messages: [
        { role: 'user', content: 'I am a@b.example' },
        { role: 'assistant', content: '', toolCalls },
      ],
      meta: {},
    })
    expect(findings.map(({ rule, message, span }) => [rule, message, span])).toEqual([
      ['privacy/email', 0, [5, 16]],
      ['privacy/email', 1, null],
    ])
  })
  it.each(['1', 'a', '1 ', '1-', '+1', 'a.', '1.', ':1', 'a@', '0 1', '(2', ' '])(
    'is linear on %j',
    (unit) => {
      expect(cpuMs(() => findPersonalData(`${unit.repeat(100_000)}@:1`))).toBeLessThan(3000)
    },
  )
})
