import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fileKeys, readFlow } from '../../../src/domain/flows/configuration/read-flow.ts'
import { flowTables, schemaText } from '../../support/flow-tables.ts'

const root = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
/** The formatter moves cells and escapes; the words are what counts. */
const words = (text: string) =>
  text
    .replaceAll(/[\s\\-]+/g, '')
    .replaceAll('*', '')
    .replaceAll('_', '')

describe('docs/flows.md', () => {
  const page = read('docs/flows.md')
  // node scripts/flow-documents.mjs writes both anew.
  test.each(Object.entries(flowTables()))('says every key of %s', (name, table) => {
    const begin = page.indexOf(`<!-- ${name} -->`) + `<!-- ${name} -->`.length
    expect(words(page.slice(begin, page.indexOf(`<!-- /${name} -->`)))).toBe(words(table))
  })
  test('names every part of a file', () => {
    for (const key of fileKeys) expect(page).toContain(`\`${key}\``)
  })
})

test('config/flow.schema.json is the schema of the reader', () => {
  expect(JSON.parse(read('config/flow.schema.json'))).toEqual(JSON.parse(schemaText()))
})

test.each(readdirSync(new URL('config/examples', root)))(
  'config/examples/%s is right, and keeps the five seconds',
  (file) => {
    const { flow, mistakes } = readFlow(read(`config/examples/${file}`), file, {})
    expect(mistakes).toEqual([])
    expect(flow?.id).toBeDefined()
  },
)
