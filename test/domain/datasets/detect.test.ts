import { describe, expect, test } from 'vitest'
import { detect } from '../../../src/domain/datasets/detect.ts'
import { memorySource } from '../../support/memory-source.ts'

const lines = (...records: object[]) => records.map((record) => JSON.stringify(record)).join('\n')
const found = async (text: string | Uint8Array, name = 'file.jsonl') => {
  const result = await detect(memorySource(text), name)
  if (!result.ok) throw new Error(result.problem.message)
  return result.value
}
const refusal = async (content: string | Uint8Array, name: string) => {
  const result = await detect(memorySource(content), name)
  return result.ok ? 'accepted' : result.problem.message
}

describe('recognising a file', () => {
  test('ShareGPT, also with other field and role names', async () => {
    const share = lines({
      conversations: [
        { from: 'human', value: 'Hello.' },
        { from: 'gpt', value: 'Hi.' },
      ],
    })
    expect(await found(share)).toMatchObject({
      shapeName: 'ShareGPT',
      mapping: { shape: 'turns', turnsField: 'conversations' },
    })
    const own = lines({
      session: [
        { speaker: 'Client', words: 'I could not sleep.' },
        { speaker: 'Therapist', words: 'Tell me more about it.' },
      ],
    })
    expect(await found(own)).toMatchObject({
      mapping: {
        turnsField: 'session',
        roleField: 'speaker',
        textField: 'words',
        roles: { client: 'user', therapist: 'assistant' },
      },
    })
  })

  test('OpenAI messages, Alpaca, Vicuna text and ChatML text', async () => {
    const messages = lines({
      messages: [
        { role: 'user', content: 'Hello.' },
        { role: 'assistant', content: 'Hi.' },
      ],
    })
    expect(await found(messages)).toMatchObject({ mapping: { shape: 'turns', roleField: 'role' } })
    expect(await found(lines({ instruction: 'Say hello.', input: '', output: 'Hello.' }))).toMatchObject({
      shapeName: 'Alpaca',
    })
    expect(await found(lines({ text: 'A chat. USER: Hello. ASSISTANT: Hi.</s>' }))).toMatchObject({
      mapping: { markup: 'vicuna' },
    })
    expect(await found(lines({ text: '<|im_start|>user\nHello.<|im_end|>\n' }))).toMatchObject({
      mapping: { markup: 'chatml' },
    })
  })

  test('turns that belong together by a number that changes with the speaker', async () => {
    const turn = (speaker: string, volley: number) => ({
      speaker,
      volley,
      text: 'A sentence of some length.',
    })
    const file = lines(
      ...[1, 2].map(() => ({ turns: [turn('client', 1), turn('client', 1), turn('counsellor', 2)] })),
    )
    expect(await found(file)).toMatchObject({ mapping: { joinField: 'volley' } })
  })

  test('a table of one row an utterance, with any delimiter', async () => {
    const table = (separator: string) =>
      [
        'talk;turn;who;said',
        'a;0;client;I could not sleep again.',
        'a;1;therapist;What kept you awake?',
        'b;0;client;It was a better week.',
        'b;1;therapist;I am glad to hear it.',
      ]
        .join('\n')
        .replaceAll(';', separator)
    for (const separator of [',', ';', '\t', '|']) {
      expect(await found(table(separator), 'talks.csv')).toMatchObject({
        layout: { format: 'csv', delimiter: separator },
        mapping: { shape: 'rows', keyField: 'talk', orderField: 'turn', roleField: 'who', textField: 'said' },
      })
    }
  })

  test('a table that is no conversation, and says so without confidence', async () => {
    expect(await found('text,meta\nHello,x\nThere,y\n', 'table.csv')).toMatchObject({
      mapping: { shape: 'none' },
      confidence: 0,
    })
  })

  test('Windows-1252 by its bytes, UTF-16 by its mark', async () => {
    const table = 'instruction,output\nGr\u00fc\u00dfe,Sch\u00f6n f\u00fcr dich\n'.repeat(1)
    expect(await found(Buffer.from(table, 'latin1'), 'table.csv')).toMatchObject({
      layout: { format: 'csv' },
    })
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(table, 'utf16le')])
    expect(await found(utf16, 'table.csv')).toMatchObject({
      layout: { encoding: 'utf-16le', columns: ['instruction', 'output'] },
    })
  })

  test('UTF-16 without a mark, in both byte orders', async () => {
    const table = 'instruction,output\nHello there,A fine day\n'
    const little = Buffer.from(table, 'utf16le')
    for (const [bytes, encoding] of [
      [little, 'utf-16le'],
      [Buffer.from(little).swap16(), 'utf-16be'],
    ] as const) {
      expect(await found(bytes, 'a.csv')).toMatchObject({
        layout: { encoding, columns: ['instruction', 'output'] },
        shapeName: 'Alpaca',
      })
    }
  })

  test('a wrapper of many records apart from one record with turns', async () => {
    const record = { id: 1, messages: [{ role: 'user', content: 'Hello.' }] }
    for (const wrapper of [{ data: [record, record] }, { version: 1, name: 'x', data: [record, record] }]) {
      expect(await found(JSON.stringify(wrapper), 'a.json')).toMatchObject({
        layout: { format: 'json', container: 'member', member: 'data' },
        mapping: { shape: 'turns', turnsField: 'messages' },
      })
    }
    expect(await found(JSON.stringify(record), 'a.json')).toMatchObject({ layout: { container: 'object' } })
  })

  test('by its content where the name says otherwise, and mentions it', async () => {
    const detection = await found(
      lines({ instruction: 'Say hello.', output: 'Hello.' }, { instruction: 'Again.', output: 'Hello.' }),
      'wrong.csv',
    )
    expect(detection.layout.format).toBe('jsonl')
    expect(detection.evidence.find((line) => line.question === 'format')?.because).toContain(
      'the name says .csv',
    )
  })

  test('evidence never holds text of a record', async () => {
    const detection = await found(
      lines({
        messages: [
          { role: 'user', content: 'my very own words' },
          { role: 'assistant', content: 'Hi.' },
        ],
      }),
    )
    expect(JSON.stringify(detection)).not.toContain('very own words')
  })
})

describe('a table whose names of columns', () => {
  test.each([
    [
      'are questions, as of a form',
      'Timestamp,How did you sleep last night?\n3.1.,Not at all since the storm\n',
    ],
    ['are numbers over text', '0,1\nWhat helps me to sleep now?,Try to go to bed early\n'],
    ['are speakers', 'client,therapist\nI cannot sleep,Since when?\nSince May,And before?\n'],
    ['stand over short words', 'speaker,text\nclient,Hello\ntherapist,Hello\n'],
  ])('%s is taken', async (_title, content) => {
    expect((await found(content, 'a.csv')).layout.format).toBe('csv')
  })
})

describe('refusing a file', () => {
  test.each([
    ['an empty file', '', 'a.csv', 'empty'],
    ['only a header', 'a,b\n', 'a.csv', 'no records'],
    ['a zip under another name', 'PK\u0003\u0004xxxx', 'a.csv', 'zip archive'],
    ['a gzip under another name', Buffer.from([0x1f, 0x8b, 8, 0]), 'a.json', 'gzip'],
    ['a PDF', '%PDF-1.7', 'a.jsonl', 'PDF'],
    ['text that is no table', 'Dear diary, today\nit rained.\n', 'a.md', 'neither a table'],
    [
      'a table without a header, whose first row would be kept as names',
      'client,I have not been able to sleep at all since last Tuesday\ntherapist,What happened on that day?\n',
      'a.csv',
      'neither a table',
    ],
    [
      'a table without a header, of short words, by its speakers',
      's1,client,I cannot sleep\ns1,therapist,Since when?\ns1,client,Since May\n',
      'a.csv',
      'reads like the rows below it',
    ],
    [
      'a table without a header, by its sentences and numbers',
      'r17;2026-01-03;What helps me to sleep\nr18;2026-01-04;Try to go to bed early\n',
      'a.csv',
      'reads like the rows below it',
    ],
    ['a cut Parquet file', 'PAR1 and then nothing', 'a.parquet', 'footer is missing'],
    ['something else named Parquet', 'hello there', 'a.parquet', 'named Parquet'],
    ['binary rubbish', Buffer.from([1, 0, 2, 0, 3, 0]), 'a.csv', 'zero bytes'],
    [
      'binary rubbish without zeros',
      Buffer.from([1, 2, 65, 3, 4, 66, 10, 5, 6, 67]),
      'a.csv',
      'control characters',
    ],
    ['line ends of old Macs', 'a,b\rc,d\re,f\r', 'a.csv', 'carriage returns only'],
    ['nothing but white space', '  \n \n', 'a.csv', 'white space'],
  ])('%s, saying what is wrong', async (_title, content, name, words) => {
    expect(await refusal(content, name)).toContain(words)
  })
})
