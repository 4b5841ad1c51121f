import { describe, expect, test } from 'vitest'
import { configurationDifference } from '../../../src/domain/pipeline/configuration-difference.ts'
import { RunConfiguration } from '../../../src/domain/pipeline/run.ts'
import { configurationWords } from '../../../src/views/runs/configuration-words.ts'

const plain = RunConfiguration.parse({})
const difference = (change: object, before = plain) =>
  configurationDifference(before, { ...before, ...change }, configurationWords)

describe('the difference of two configurations', () => {
  test('names each field that changed, in words, in the order of the fields', () => {
    expect(difference({ targets: ['chatml', 'openai'], redact: ['email'], threshold: 0.8 })).toEqual([
      { field: 'threshold', before: '0.70', after: '0.80' },
      { field: 'redact', before: 'nothing', after: 'E-mail addresses' },
      { field: 'targets', before: 'ChatML', after: 'ChatML, OpenAI messages' },
    ])
    expect(difference({ mode: 'sequential', checks: ['privacy'], formats: ['csv'] })).toEqual([
      { field: 'mode', before: 'Adaptive', after: 'Sequential' },
      { field: 'checks', before: 'all', after: 'privacy' },
      { field: 'formats', before: 'JSONL', after: 'CSV' },
    ])
  })

  test('is empty for the same, also where a list is in another order', () => {
    expect(difference({})).toEqual([])
    expect(difference({ formats: ['json', 'csv'] }, { ...plain, formats: ['csv', 'json'] })).toEqual([])
  })
})
