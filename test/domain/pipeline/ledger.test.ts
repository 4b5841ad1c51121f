import { describe, expect, test } from 'vitest'
import { differenceOf } from '../../../src/domain/pipeline/ledger.ts'
import { type LedgerRow, stages } from '../../../src/domain/pipeline/run.ts'

const row = (stage: LedgerRow['stage'], change: Partial<LedgerRow> = {}): LedgerRow => ({
  stage,
  in: 5,
  out: 5,
  quarantined: 0,
  rejected: 0,
  duplicate: 0,
  reasons: {},
  ...change,
})
const ledger = (changed: Partial<Record<LedgerRow['stage'], Partial<LedgerRow>>> = {}) =>
  stages.map((stage) => row(stage, changed[stage]))
const units = { in: 7, grouped: 6, quarantined: 1 }

describe('the books of a run', () => {
  test('balance when everything is accounted for', () => {
    const lost = {
      quality: { out: 3, rejected: 2, reasons: { 'below-threshold': 2 } },
      export: { in: 3, out: 3 },
    }
    expect(differenceOf(ledger(), units)).toBeUndefined()
    expect(differenceOf(ledger(lost), units)).toBeUndefined()
  })

  test.each([
    [
      'a record that is nowhere',
      { validation: { out: 4 } },
      'validation took in 5 records and accounts for 4',
    ],
    ['one too many', { validation: { quarantined: 1 } }, 'validation took in 5 records and accounts for 6'],
    [
      'one without a reason',
      { export: { out: 4, quarantined: 1 } },
      'export held back 1 records and has reasons for 0',
    ],
    [
      'one lost between stages',
      { export: { in: 4, out: 4 } },
      'export took in 4 records and quality gave out 5',
    ],
  ])('name %s', (_, changed, said) => {
    expect(differenceOf(ledger(changed), units)).toBe(said)
  })

  test('count source units by themselves', () => {
    expect(differenceOf(ledger(), { ...units, in: 8 })).toBe(
      '8 source units were read and 7 are accounted for',
    )
  })
})
