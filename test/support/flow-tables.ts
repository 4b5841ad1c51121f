import type { CheckType } from '../../src/domain/flows/checks/check-type.ts'
import { checkTypes } from '../../src/domain/flows/checks/registry.ts'
import { commonCheckKeys } from '../../src/domain/flows/configuration/common-check-keys.ts'
import { checkTypeKeys, partKeys } from '../../src/domain/flows/configuration/flow-shape.ts'
import { flowSchema } from '../../src/domain/flows/configuration/json-schema.ts'
import type { Keys } from '../../src/domain/flows/configuration/shape.ts'

/** The tables of docs/flows.md by the name of their marker, from the definitions that read the files. */
export function flowTables(): Readonly<Record<string, string>> {
  const parts: Keys = partKeys
  const keysOf = (name: string): Keys => parts[name]?.shape.keys ?? {}
  const types: Readonly<Record<string, CheckType<Keys, never>>> = checkTypes
  return {
    flow: table(keysOf('flow')),
    defaults: table(keysOf('defaults')),
    processes: table(keysOf('processes')),
    connections: table(keysOf('connections')),
    checks: table(commonCheckKeys),
    check_types: table(checkTypeKeys),
    types: Object.entries(types)
      .map(
        ([name, type]) =>
          `### \`${name}\`\n\nMeasures ${type.measures}. A failure explains ${
            type.explains === 'self' ? 'itself' : 'itself by what is above, where that failed (`upstream`)'
          }; running out of time is ${type.onTimeout === 'failed' ? 'FAILED' : 'UNKNOWN'}.\n\n${table(type.keys)}`,
      )
      .join('\n'),
    maintenance: table(keysOf('maintenance')),
    contacts: table(keysOf('contacts')),
    alerts: table(keysOf('alerts')),
  }
}

export const schemaText = () => `${JSON.stringify(flowSchema(), null, 2)}\n`

/** The page with its tables written anew between their markers. */
export function withTables(page: string): string {
  let text = page
  for (const [name, content] of Object.entries(flowTables())) {
    const begin = `<!-- ${name} -->\n`
    const end = `<!-- /${name} -->`
    const from = text.indexOf(begin)
    const to = text.indexOf(end)
    if (from < 0 || to < from) throw new Error(`docs/flows.md lacks the markers of ${name}`)
    text = `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`
  }
  return text
}

function table(keys: Keys): string {
  const rows = rowsOf(keys, '').map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
  )
  return ['| key | what to write | default | meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}

function rowsOf(keys: Keys, before: string): string[][] {
  return Object.entries(keys).flatMap(([name, key]) => [
    [
      `\`${before}${name}\``,
      key.shape.words.replace(/^an? /, ''),
      key.required
        ? 'needed'
        : key.fallback === undefined
          ? ''
          : `\`${JSON.stringify(key.fallback).replaceAll('"', '')}\``,
      key.doc,
    ],
    ...rowsOf(key.shape.keys ?? {}, `${before}${name}.`),
  ])
}
