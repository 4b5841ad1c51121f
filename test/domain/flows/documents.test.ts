import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { standInVariables } from '../../../src/domain/flows/configuration/own-variables.ts'
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

/** Slow by choice, each with its reason in the file: queues, retries and pace change over minutes, not seconds. */
const slowChecks: Readonly<Record<string, RegExp>> = {
  'config/demo/helicopter-rdf.yaml':
    /^(?:archives_intact|gzip_sound|reject_ratio|store_today|results_complete|replica_lag)$/,
  'config/flows/dataset-pipeline.yaml':
    /_(?:queue|retries|pace)$|^(?:postgres_room|workers_alive|workers_at_work|runs_admitted|audit_verified|audit_sequenced)$/,
}
const shipped = ['config/flows', 'config/demo', 'config/examples'].flatMap((folder) =>
  readdirSync(new URL(folder, root)).map((file) => `${folder}/${file}`),
)

test.each(shipped)('%s is right, and keeps the five seconds where it does not say why not', (file) => {
  const { flow, mistakes } = readFlow(read(file), file, standInVariables)
  expect(flow?.id).toBeDefined()
  const slow = slowChecks[file]
  expect(mistakes.filter(({ message }) => !slow?.test(/^(\w+) may need/.exec(message)?.[1] ?? ''))).toEqual(
    [],
  )
})
