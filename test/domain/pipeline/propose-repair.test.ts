import { describe, expect, it } from 'vitest'
import {
  faultIn,
  longestProposal,
  proposeChanges,
  proposeRepair,
} from '../../../src/domain/pipeline/propose-repair.ts'
import { cpuMs } from '../../support/cpu-time.ts'

const parsed = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text))
const repaired = (text: string, reason = 'json-invalid') => parsed(proposeRepair(text, reason))

describe('a proposed repair', () => {
  it.each([
    ['a bracket', '{"a":[1,{"b":2}', { a: [1, { b: 2 }] }],
    [
      'every bracket',
      '{"messages":[{"role":"user","content":"Hi"',
      { messages: [{ role: 'user', content: 'Hi' }] },
    ],
    ['a quote and brackets', '{"m":[{"content":"How do I sl', { m: [{ content: 'How do I sl' }] }],
    ['what follows a comma', '{"m":[{"a":1},', { m: [{ a: 1 }] }],
    ['what follows an opened bracket', '{"m":[', { m: [] }],
  ])('adds %s missing at the end', (_what, text, value) => {
    expect(repaired(text, 'json-unexpected-end')).toEqual(value)
  })

  it.each([
    ['a comma before a bracket', '{"a":[1,2,],"b":3,}', { a: [1, 2], b: 3 }],
    ['a comma after the record', '{"a":1},', { a: 1 }],
    ['a comma and white space', '{"a":1 , \n}', { a: 1 }],
    ['a byte order mark', '\ufeff{"a":1}', { a: 1 }],
    ['debris before', ')]}\',\n{"a":1}', { a: 1 }],
    ['the prefix of an event', 'data: {"a":1}\n', { a: 1 }],
    ['zeros after', '{"a":1}\0\0', { a: 1 }],
  ])('takes out %s', (_what, text, value) => {
    expect(repaired(text)).toEqual(value)
  })

  it.each([
    ['single quotes', "{'role': 'user', 'content': 'Hi'}", { role: 'user', content: 'Hi' }],
    ['quotes of either kind', `{'a': "it's", 'b': 'a "word"'}`, { a: "it's", b: 'a "word"' }],
    ['escapes of Python', "{'a': 'it\\'s \\xe9\\n', 'b': '\\u00e9'}", { a: "it's é\n", b: 'é' }],
    ['literals of Python', "{'a': True, 'b': [False, None]}", { a: true, b: [false, null] }],
    ['numbers JSON has not', '{"a":NaN,"b":[Infinity,-Infinity]}', { a: null, b: [null, null] }],
    ['line breaks inside a string', '{"a":"one\ntwo\r\nthree\tfour"}', { a: 'one\ntwo\r\nthree\tfour' }],
    ['control characters', '{"a":"\u0001\u001f"}', { a: '\u0001\u001f' }],
    ['several of them', "\ufeff{'a': [True, 'x\ny',", { a: [true, 'x\ny'] }],
  ])('rewrites %s', (_what, text, value) => {
    expect(repaired(text)).toEqual(value)
  })

  it.each([
    ['as a string', JSON.stringify('{"a":"b \\"c\\""}'), 'not-a-conversation'],
    ['as a string with white space', ` ${JSON.stringify('[1]')} `, 'group-key-missing'],
    ['with its escapes but not its quotes', '{\\"a\\":\\"b\\"}', 'json-invalid'],
  ])('unwraps JSON that was written %s', (_what, text, reason) => {
    expect(repaired(text, reason)).toBeTypeOf('object')
  })

  it('leaves every character alone that was right, and numbers as they were written', () => {
    const text = '{ "id": 12345678901234567890, "x": 1.0,\n "t": "\\u00e9 \\/ é", }'
    expect(proposeRepair(text, 'json-invalid')).toBe(text.replace(', }', ' }'))
  })

  it('keeps every word', () => {
    const words = (text: string) => text.match(/[\p{L}\p{N}]+/gu)
    for (const text of [
      `{'a': "it's", 'b': ['one', 'two "three"',]}`,
      '{"a":"one two","b":["three"',
      'data: {"a":"one"}',
    ]) {
      expect(words(proposeRepair(text, 'json-invalid') ?? '')).toEqual(words(text.replace('data', '')))
    }
  })

  it('says what it takes out and puts in', () => {
    expect(proposeChanges("{'a':1,", 'json-invalid')).toEqual([
      { kind: 'kept', text: '{' },
      { kind: 'cut', text: "'" },
      { kind: 'added', text: '"' },
      { kind: 'kept', text: 'a' },
      { kind: 'cut', text: "'" },
      { kind: 'added', text: '"' },
      { kind: 'kept', text: ':1' },
      { kind: 'cut', text: ',' },
      { kind: 'added', text: '}' },
    ])
  })
})

describe('no repair is proposed', () => {
  it.each([
    ['JSON', '{"a":1}'],
    ['a value that was cut off', '{"a":tru'],
    ['a key without a value', '{"a":1,"b":'],
    ['a key that was cut off', '{"a":1,"b'],
    ['a string that may end before its bracket or behind it', '{"a":"abc}'],
    ['an escape that was cut off', '{"a":"b\\u00'],
    ['an escape nobody can be sure of', '{"a":"\\d"}'],
    ['a quote inside a text', '{"a":"he said "hi" to me"}'],
    ['an apostrophe inside single quotes', "{'a': 'it's'}"],
    ['a quote missing in the middle', '{"a":"b, "c":1}'],
    ['a value missing between commas', '[1,,2]'],
    ['a comma missing', '{"a":1 "b":2}'],
    ['a colon missing', '{"a" 1}'],
    ['brackets that do not match', '{"a":[1}'],
    ['a bracket too many', '{"a":1}}'],
    ['a key without quotes', '{a:1}'],
    ['two records in one', '{"a":1}{"b":2}'],
    ['words before the record', 'Here it is: {"a":1}'],
    ['words after the record', '{"a":1} and so on'],
    ['text that is no record', 'hello'],
    ['a lone string', '"hello'],
    ['nothing', ''],
  ])('for %s', (_what, text) => {
    expect(proposeRepair(text, 'json-invalid')).toBeUndefined()
  })

  it('under a reason that has nothing to do with how JSON is written', () => {
    expect(proposeRepair('{"a":1,}', 'unknown-role')).toBeUndefined()
    expect(proposeRepair('{"a":1,}', 'csv-quote')).toBeUndefined()
    expect(proposeRepair('"hello"', 'not-a-conversation')).toBeUndefined()
  })

  it('for a text beyond a mebibyte', () => {
    expect(proposeRepair(`{"a":"${'x'.repeat(longestProposal)}`, 'json-unexpected-end')).toBeUndefined()
  })
})

describe('the time a proposal takes', () => {
  const most = longestProposal - 64
  it.each([
    ['brackets', '['.repeat(most)],
    ['quotes', `['${"','".repeat(most / 3)}`],
    ['backslashes', `{"a":"${'\\'.repeat(most)}`],
    ['line breaks', `{"a":"${'\n'.repeat(most)}`],
    ['commas', `[${','.repeat(most)}`],
    ['blanks', `{"a":"${' '.repeat(most)}`],
    ['debris', `${'-'.repeat(most)}{`],
  ])('grows with its length only: a mebibyte of %s', (_what, text) => {
    expect(cpuMs(() => proposeRepair(text, 'json-invalid'))).toBeLessThan(3_000)
  })
})

describe('the place that is not JSON', () => {
  it.each([
    ['{"a":1}', undefined],
    ['{"a":tru}', 5],
    ['{"a":"he said "hi"', 15],
    ['{"a":[1,2', 9],
    ['{"a":"b\nc"}', 7],
    ['{"a":1,}', 6],
    ['', 0],
  ])('of %j is %s', (text, place) => {
    expect(faultIn(text)).toBe(place)
  })
})
