// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of flow files look like this
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { flowSchema } from '../../../src/domain/flows/configuration/json-schema.ts'
import { standInVariables } from '../../../src/domain/flows/configuration/own-variables.ts'
import { readFlow } from '../../../src/domain/flows/configuration/read-flow.ts'
import { misfits } from '../../support/json-schema.ts'

const schema = flowSchema()
const root = new URL('../../../', import.meta.url)
const shipped = ['config/flows', 'config/demo', 'config/examples', 'test/support/flows']
  .flatMap((folder) => readdirSync(new URL(folder, root)).map((file) => `${folder}/${file}`))
  .filter((file) => file.endsWith('.yaml'))

const flow = (check: string, more = '') => `version: 1
flow: {id: t, name: T}
processes: [{id: a, name: A}]
health_checks:
  - {id: c, process: a, ${check}}
${more}`
const tcp = 'type: tcp_port, host: h, port: 80'
/** What the schema and the reader say of a text. */
const verdicts = (text: string) => ({
  schema: misfits(schema, schema, parse(text)),
  reader: readFlow(text, 'f', standInVariables)
    .mistakes.filter(({ severity }) => severity === 'error')
    .map(({ message }) => message),
})
const nothing = { schema: [], reader: [] }

describe('the JSON Schema takes what the reader takes', () => {
  test.each(shipped)('%s', (file) => {
    expect(verdicts(readFileSync(new URL(file, root), 'utf8'))).toEqual(nothing)
  })
  test.each([
    ['kebab-case keys', flow(`${tcp}, failure-threshold: 2, on-error: {keep: 5m}`)],
    ['kebab-case keys of a type', flow('type: file_fresh, glob: g, max-age: 5m')],
    ['kebab-case keys that are needed', flow(tcp).replace('health_checks', 'health-checks')],
    [
      'keys with nothing behind them',
      flow(`${tcp}, interval: , owner: ~`, 'defaults:\nvariables: {a: ~}\nalerts:'),
    ],
    [
      'numbers and flags in quotes',
      flow(`type: tcp_port, host: h, port: "80", enabled: "true", retries: "2"`),
    ],
    [
      'variables wherever they may stand',
      flow(tcp.replace('80', '"${P:-80}"')).replace('id: t', 'id: "${ID:-t}"'),
    ],
    ['a duration of nothing', flow(`${tcp}, jitter: 0, cache_ttl: "0"`)],
    ['no health check yet', 'version: 1\nflow: {id: t, name: T}\nprocesses: [{id: a}]\nhealth_checks: []'],
  ])('%s', (_, text) => {
    expect(verdicts(text)).toEqual(nothing)
  })
})

describe('the JSON Schema refuses what the reader refuses, where one place can tell', () => {
  test.each([
    ['a key that is none', flow(`${tcp}, max_age: 5m`)],
    ['a key that is missing', flow('type: tcp_port, host: h')],
    ['a needed key with nothing behind it', flow('type: tcp_port, host: , port: 80')],
    ['a duration without unit', flow(`${tcp}, interval: 2`)],
    ['an interval of nothing', flow(`${tcp}, interval: 0`)],
    ['a number in words', flow(`${tcp}, retries: two`)],
    ['a number out of its bounds', flow('type: tcp_port, host: h, port: 70000')],
    ['a size with a unit that is none', flow('type: file_exists, path: p, min_size: 1KB')],
    ['an empty text', flow(`${tcp}, owner: ""`)],
    ['an id that is a number', flow(tcp).replace('id: t', 'id: 5')],
    ['an id with a space', flow(tcp).replace('id: t', 'id: a b')],
    ['a choice that is none', flow(`${tcp}, severity: fatal`)],
    ['a flag that is a word', flow(`${tcp}, enabled: no`)],
    ['a list that is a text', flow(`${tcp}, tags: a`)],
  ])('%s', (_, text) => {
    const said = verdicts(text)
    expect(said.schema).not.toEqual([])
    expect(said.reader).not.toEqual([])
  })
})
