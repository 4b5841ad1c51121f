import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { describe, expect, test } from 'vitest'

const src = path.resolve(import.meta.dirname, '..', 'src')

/** Parsers, codecs and schemas: the same answer for the same bytes, whatever the day and the machine. */
const pure = [
  'zod',
  'chardet',
  'cron-parser',
  'csv-parse',
  'hyparquet',
  'hyparquet-compressors',
  'hyparquet-writer',
  'iconv-lite',
  'uqr',
  'yaml',
]
const pureNode = [
  'buffer',
  'crypto',
  'path/posix',
  'stream',
  'stream/promises',
  'string_decoder',
  'util',
  'zlib',
]

/** Of node:net only the questions about text; the rest of it is the network. */
const pureOfNet = /import \{ (?:isIP(?:v4|v6)?(?:, )?)+ \} from 'node:net'/g

interface Layer {
  /** Places it may import from, besides itself. */
  readonly places: readonly string[]
  /** Packages; undefined: any. */
  readonly packages?: readonly string[]
  readonly node?: readonly string[]
}

/** The layers of ARCHITECTURE.md. Files directly in src/ are the wiring and may import everything. */
const layers: Readonly<Record<string, Layer>> = {
  domain: { places: [], packages: pure, node: pureNode },
  db: { places: ['domain'] },
  adapters: { places: ['domain'] },
  views: { places: ['domain'], packages: ['hono'], node: [] },
  jobs: { places: ['domain', 'db', 'adapters'] },
  routes: { places: ['domain', 'db', 'views'] },
  client: { places: ['domain'], packages: ['zod'], node: [] },
  cli: { places: ['domain', 'db', 'demo'] },
  demo: { places: ['domain'], packages: ['pg', 'yauzl', 'zod'] },
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))
const importsOf = (file: string) => {
  const text = readFileSync(path.join(src, file), 'utf8')
  const found = text
    .replaceAll(pureOfNet, '')
    .matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^'"\n;]*?(?:\n[^'"]*?)?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]|(?:^|\n)import\s+['"]([^'"]+)['"]/g,
    )
  return [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
}
const packageOf = (name: string) =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')
const layerOf = (file: string) => (file.includes(path.sep) ? (file.split(path.sep)[0] ?? '') : 'wiring')

/** Entry points of the command line that start the stack themselves, and so wire like `main.ts` does. */
const commands = ['pipeline.ts', 'fsck.ts', 'vault.ts', 'audit.ts', 'flow.ts', 'demo-flow.ts'].map((name) =>
  path.join('cli', name),
)
const isWiring = (file: string) => layerOf(file) === 'wiring' || commands.includes(file)

describe('dependencies point inward', () => {
  test('every folder of src is a layer', () => {
    expect(
      [...new Set(files.map(layerOf))].filter((layer) => layer !== 'wiring' && !(layer in layers)),
    ).toEqual([])
  })

  test.each(Object.keys(layers))('%s imports only what it may', (name) => {
    const layer = layers[name]
    const wrong: string[] = []
    for (const file of files.filter((f) => layerOf(f) === name && !isWiring(f))) {
      for (const imported of importsOf(file)) {
        if (!mayImport(name, layer, file, imported)) wrong.push(`${file} imports ${imported}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('only db builds queries', () => {
    const query = /\.(selectFrom|insertInto|updateTable|deleteFrom)\(|\bsql(<[^`]*>)?`/
    const wrong = files.filter(
      (file) => layerOf(file) !== 'db' && query.test(readFileSync(path.join(src, file), 'utf8')),
    )
    expect(wrong).toEqual([])
  })

  test('relative imports carry their extension', () => {
    const bare = files.flatMap((file) =>
      importsOf(file)
        .filter((imported) => imported.startsWith('.') && !/\.(tsx?|json)$/.test(imported))
        .map((imported) => `${file} imports ${imported}`),
    )
    expect(bare).toEqual([])
  })
})

test('what the client imports, however deep, runs in a browser', () => {
  const seen = new Set<string>()
  const foreign: string[] = []
  const walk = (file: string) => {
    if (seen.has(file)) return
    seen.add(file)
    for (const imported of importsOf(file)) {
      if (imported.startsWith('.')) walk(path.relative(src, path.resolve(src, path.dirname(file), imported)))
      else if (imported !== 'zod') foreign.push(`${file} imports ${imported}`)
    }
  }
  for (const file of files.filter((each) => layerOf(each) === 'client')) walk(file)
  expect(seen.size).toBeGreaterThan(3)
  expect(foreign).toEqual([])
})

/** Here chance must not be an argument: an initialization vector that a caller could choose could be used twice. */
const ownChance = [path.join('domain', 'vault', 'floe.ts')]

describe('the domain', () => {
  const domain = files.filter((file) => layerOf(file) === 'domain')

  test.each([
    ['environment', /\bprocess\.(env|argv|cwd)/],
    ['clock', /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/],
    ['chance', /\bMath\.random\(|\brandom(Bytes|UUID|Int)\(/],
  ])('reads no %s by itself', (_, pattern) => {
    const wrong = domain.filter(
      (file) => !ownChance.includes(file) && pattern.test(readFileSync(path.join(src, file), 'utf8')),
    )
    expect(wrong).toEqual([])
  })
})

test('no file is named after nothing', () => {
  expect(files.filter((file) => /(^|\/)(utils?|helpers?|misc|common)(\.|\/)/.test(file))).toEqual([])
})

function mayImport(name: string, layer: Layer | undefined, file: string, imported: string): boolean {
  if (layer === undefined) return false
  if (imported.startsWith('.')) {
    const target = path.relative(src, path.resolve(src, path.dirname(file), imported))
    // The migrations folder is data to the runner that applies it.
    if (target.startsWith('..')) return false
    // What stops a start is told by the embedded server and read by the entry points: one word for both.
    if (target === 'startup-problem.ts') return name === 'db' || name === 'cli'
    const to = layerOf(target)
    return to === name || layer.places.includes(to)
  }
  const bare = imported.replace(/^node:/, '')
  if (imported.startsWith('node:') || builtinModules.includes(bare)) {
    return layer.node === undefined || layer.node.includes(bare)
  }
  return layer.packages === undefined || layer.packages.includes(packageOf(imported))
}
