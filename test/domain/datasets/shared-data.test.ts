import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { detect } from '../../../src/domain/datasets/detect.ts'
import { confidentFrom, type Detection } from '../../../src/domain/datasets/detection.ts'
import { readRecords } from '../../../src/domain/formats/read-records.ts'
import { memorySource } from '../../support/memory-source.ts'

const shared = fileURLToPath(new URL('../../../../shared/data', import.meta.url))
const isMissing = !existsSync(shared)
if (isMissing) console.warn(`Skipped: there is no ${shared} beside the project.`)

const files = (folder: string) => (isMissing ? [] : readdirSync(`${shared}/${folder}`))

async function read(path: string, as?: Detection['mapping']) {
  const source = memorySource(readFileSync(`${shared}/${path}`))
  const found = await detect(source, path)
  if (!found.ok) return { refusal: found.problem.message }
  const values: unknown[] = []
  let units = 0
  for await (const batch of readRecords(source, found.value.layout, as ?? found.value.mapping, {})) {
    values.push(...batch.records.map((record) => ('reason' in record ? record.reason : record.value)))
    units += batch.unitsGrouped + batch.unitsQuarantined
  }
  return { found: found.value, values, units }
}

describe.skipIf(isMissing)('the shared data', () => {
  test.each([
    [
      'counselling/annomi_simple_a.csv',
      67,
      4_935,
      {
        shape: 'rows',
        keyField: 'transcript_id',
        orderField: 'utterance_id',
        roleField: 'interlocutor',
        textField: 'utterance_text',
        roles: { therapist: 'assistant', client: 'user' },
      },
    ],
    [
      'counselling/mibot_a.jsonl',
      53,
      53,
      {
        shape: 'turns',
        turnsField: 'utterances',
        roleField: 'speaker',
        textField: 'text',
        joinField: 'volley_number',
      },
    ],
    [
      'counselling/smilechat_zh.jsonl',
      300,
      300,
      { shape: 'turns', turnsField: 'dialog', roles: { client: 'user', counselor: 'assistant' } },
    ],
    [
      'chat_formats/fastchat_dummy_conversation.json',
      500,
      500,
      { shape: 'turns', turnsField: 'conversations' },
    ],
    [
      'chat_formats/llamafactory_glaive_toolcall_en_demo.json',
      300,
      300,
      { shape: 'turns', toolsField: 'tools', roles: { function_call: 'assistant', observation: 'tool' } },
    ],
    ['chat_formats/llamafactory_alpaca_en_demo.json', 999, 999, { shape: 'exchange', inputField: 'input' }],
    ['chat_formats/llamafactory_kto_en_demo.json', 300, 300, { shape: 'turns', turnsField: 'messages' }],
    ['chat_formats/datajuicer_chatml_zh.jsonl', 4, 4, { shape: 'turns', turnsField: 'messages' }],
  ])('%s is recognised with confidence: %d records of %d units', async (path, records, units, mapping) => {
    const result = await read(path)
    expect(result.found?.mapping).toMatchObject(mapping)
    expect(result.found?.confidence).toBeGreaterThanOrEqual(confidentFrom)
    expect(result.values).toHaveLength(records)
    expect(result.units).toBe(units)
  })

  test.each(files('parsers/same_table'))(
    'same_table/%s holds six records and no conversation',
    async (name) => {
      const result = await read(`parsers/same_table/${name}`)
      expect(result.found).toMatchObject({ mapping: { shape: 'none' }, confidence: 0 })
      expect(result.values).toHaveLength(6)
    },
  )

  test.each(files('parsers/csv-spectrum/csvs'))('csv-spectrum/%s', async (name) => {
    const expected = readFileSync(
      `${shared}/parsers/csv-spectrum/json/${name.replace('.csv', '.json')}`,
      'utf8',
    )
    const { values } = await read(`parsers/csv-spectrum/csvs/${name}`, { shape: 'none' })
    const csv = readFileSync(`${shared}/parsers/csv-spectrum/csvs/${name}`, 'utf8')
    // One copy lost its carriage returns on the way here: a reader cannot give back what is not in the file.
    expect(values).toEqual(JSON.parse(csv.includes('\r') ? expected : expected.replaceAll('\\r\\n', '\\n')))
  })

  test.each(files('parsers/parquet/data').filter((name) => name.endsWith('.parquet')))(
    'parquet/%s is read or refused with a sentence',
    async (name) => {
      const result = await read(`parsers/parquet/data/${name}`)
      if ('refusal' in result) expect(result.refusal).toMatch(/upload it/)
      else expect(result.values.length).toBe(result.units)
      if (name === 'large_string_map.brotli.parquet') expect(result.refusal).toContain('row group larger')
    },
  )
})
