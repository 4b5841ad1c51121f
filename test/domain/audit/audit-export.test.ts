import { describe, expect, test } from 'vitest'
import { exportHead, exportLine } from '../../../src/domain/audit/audit-export.ts'
import type { LogRow } from '../../../src/domain/audit/canonical.ts'

const entry: LogRow = {
  seq: 7,
  at: '2026-11-21T11:31:45.000123Z',
  actorId: 'usr_1',
  actorKind: 'user',
  action: 'run.pin',
  objectType: 'run',
  objectId: 'run_1',
  outcome: 'allowed',
  requestId: 'req_1',
  commitment: '',
  leaf: '',
  chain: '',
  salt: null,
  details: null,
}
const cell = (objectId: string) => exportLine('csv', { ...entry, objectId }).split('","')[6]

describe('an exported entry', () => {
  test('is a line of the same columns as the head', () => {
    expect(exportHead('csv', false).split(',')).toHaveLength(10)
    expect(exportLine('csv', entry)).toBe(
      '"7","2026-11-21T11:31:45.000123Z","usr_1","user","run.pin","run","run_1","allowed","req_1",""\r\n',
    )
    expect(JSON.parse(exportHead('jsonl', true) + exportLine('jsonl', entry))).toEqual(entry)
  })

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '＝1', '|cmd', '%x'])(
    '%j is no formula',
    (text) => {
      expect(cell(text)?.startsWith("'")).toBe(true)
    },
  )

  test('quotes quotes, and leaves other text alone', () => {
    expect(cell('a "b", c')).toBe('a ""b"", c')
    expect(cell('a=b')).toBe('a=b')
  })
})
