import type { JsonObject } from '../../json.ts'
import { type Located, type LocatedMap, sameKey } from './located.ts'
import { nearestName } from './nearest-name.ts'
import type { Key, Keys, KeyValues, Reading, Shape } from './shape.ts'

/** A group of known keys; unknown ones are refused with the nearest known key. */
export function record<K extends Keys>(keys: K, words = 'group of keys'): Shape<KeyValues<K>> & { keys: K } {
  return {
    words,
    keys,
    schema: recordSchema(keys),
    read(node, reading) {
      if (node.kind !== 'map') {
        reading.mistakes.error(node, `A group of keys is needed here: ${Object.keys(keys).join(', ')}.`)
        return undefined
      }
      refuseUnknownKeys(node, Object.keys(keys), reading)
      return readKeys(node, keys, reading)
    },
  }
}

/** Reads the known keys and leaves the others alone; undefined when any of them is wrong or missing. */
export function readKeys<K extends Keys>(
  node: LocatedMap,
  keys: K,
  reading: Reading,
): KeyValues<K> | undefined {
  const values: Record<string, unknown> = {}
  let whole = true
  for (const [name, key] of Object.entries(keys)) {
    const entry = node.entries.find((entry) => sameKey(entry.key) === name)
    const given = entry === undefined || isNothing(entry.value) ? undefined : entry.value
    if (given !== undefined) {
      values[name] = key.shape.read(given, reading)
      if (values[name] === undefined) whole = false
    } else if (key.required) {
      reading.mistakes.error(entry?.value ?? node, `The key ${name} is missing: ${lowerFirst(key.doc)}`)
      whole = false
    } else {
      values[name] = fallbackValue(key, node, reading)
    }
  }
  // The loop filled exactly the keys of K, each by its own shape; TypeScript cannot follow that.
  return whole ? (values as KeyValues<K>) : undefined
}

export function refuseUnknownKeys(
  node: LocatedMap,
  known: readonly string[],
  { mistakes }: Reading,
  where = '',
): void {
  const seen = new Set<string>()
  for (const { key, keyPlace } of node.entries) {
    const at = { place: keyPlace, path: node.path === '' ? key : `${node.path}.${key}` }
    // YAML refuses the same spelling twice; two spellings of one key are for us to see.
    if (seen.has(sameKey(key))) mistakes.error(at, 'This key is here already, in its other spelling.')
    seen.add(sameKey(key))
    if (known.includes(sameKey(key))) continue
    const near = nearestName(key, known)
    mistakes.error(at, `Unknown key${where}.`, near)
  }
}

export const fallbackValue = (key: Key, node: Located, reading: Reading): unknown =>
  key.fallback === undefined ? undefined : key.shape.read(asNode(key.fallback, node), reading)

/** The schema of a group of keys, in both of their spellings. */
export function recordSchema(keys: Keys): JsonObject {
  return {
    type: 'object',
    additionalProperties: false,
    ...requiredSchema(requiredNames(keys)),
    ...propertiesSchema(propertySchemas(keys)),
  }
}

export const requiredNames = (keys: Keys): readonly string[] =>
  Object.entries(keys).flatMap(([name, key]) => (key.required ? name : []))

export function requiredSchema(names: readonly string[]): JsonObject {
  const plain = names.filter((name) => kebab(name) === name)
  const twofold = names.filter((name) => kebab(name) !== name)
  return {
    ...(plain.length > 0 ? { required: plain } : {}),
    ...(twofold.length > 0
      ? { allOf: twofold.map((name) => ({ anyOf: [{ required: [name] }, { required: [kebab(name)] }] })) }
      : {}),
  }
}

/** The kebab-case spellings are patterns, so that editors take them and yet propose only the other. */
export function propertiesSchema(properties: JsonObject): JsonObject {
  const twofold = Object.entries(properties).filter(([name]) => kebab(name) !== name)
  const patterns = twofold.map(([name, schema]) => [`^${kebab(name)}$`, schema] as const)
  return { properties, ...(patterns.length > 0 ? { patternProperties: Object.fromEntries(patterns) } : {}) }
}

const kebab = (name: string) => name.replaceAll('_', '-')

export const propertySchemas = (keys: Keys): JsonObject =>
  Object.fromEntries(
    Object.entries(keys).map(([name, key]) => [
      name,
      {
        ...(key.required ? key.shape.schema : orNothing(key.shape.schema)),
        description: key.doc,
        ...(key.fallback === undefined
          ? {}
          : { default: typeof key.fallback === 'object' ? [...key.fallback] : key.fallback }),
      },
    ]),
  )

/** As the reader takes it: `key:` with nothing behind it is no key. */
export function orNothing(schema: JsonObject): JsonObject {
  if (Array.isArray(schema.anyOf)) return { ...schema, anyOf: [...schema.anyOf, { type: 'null' }] }
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? []].flat()
  return types.length === 0 ? schema : { ...schema, type: [...types, 'null'] }
}

function asNode(fallback: NonNullable<Key['fallback']>, { place, path }: Located): Located {
  if (typeof fallback === 'object') {
    return {
      kind: 'list',
      place,
      path,
      items: fallback.map((value) => ({ kind: 'scalar', value, place, path })),
    }
  }
  return { kind: 'scalar', value: fallback, place, path }
}

/** `key:` with nothing behind it says no more than no key. */
const isNothing = (node: Located) => node.kind === 'scalar' && node.value === null
const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)
