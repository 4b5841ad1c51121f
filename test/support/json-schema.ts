import { isJsonObject, type Json, type JsonObject } from '../../src/domain/json.ts'

const typeOf = (value: Json): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value !== 'number') return typeof value
  return Number.isInteger(value) ? 'integer' : 'number'
}

const objects = (value: Json | undefined): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : []
const texts = (value: Json | undefined): readonly string[] =>
  (Array.isArray(value) ? value : [value ?? []].flat()).filter((each) => typeof each === 'string')

/** Says where a value does not fit a schema: the keywords that ours uses, written from the standard and not from our code. */
export function misfits(root: JsonObject, schema: Json | undefined, value: Json, path = ''): string[] {
  if (schema === false) return [`${path} is not allowed`]
  if (!isJsonObject(schema)) return []
  if (typeof schema.$ref === 'string') {
    const steps = schema.$ref.slice(2).split('/')
    const target = steps.reduce<Json | undefined>(
      (at, step) => (isJsonObject(at) ? at[step] : undefined),
      root,
    )
    return misfits(root, target, value, path)
  }
  const fits = (part: Json | undefined) => misfits(root, part, value, path).length === 0
  const found: string[] = []
  const types = texts(schema.type)
  const type = typeOf(value)
  if (types.length > 0 && !types.includes(type) && !(type === 'integer' && types.includes('number'))) {
    found.push(`${path} is ${type}, not ${types.join(' or ')}`)
  }
  if (Array.isArray(schema.enum) && !schema.enum.includes(value)) found.push(`${path} is none of the values`)
  if ('const' in schema && schema.const !== value) found.push(`${path} is not the value`)
  if (typeof schema.pattern === 'string' && typeof value === 'string') {
    if (!new RegExp(schema.pattern, 'u').test(value))
      found.push(`${path} is not of the form ${schema.pattern}`)
  }
  if (typeof schema.minimum === 'number' && typeof value === 'number' && value < schema.minimum)
    found.push(`${path} is too small`)
  if (typeof schema.maximum === 'number' && typeof value === 'number' && value > schema.maximum)
    found.push(`${path} is too large`)
  if (Array.isArray(value)) {
    if (typeof schema.minItems === 'number' && value.length < schema.minItems)
      found.push(`${path} is too short`)
    for (const [at, item] of value.entries())
      found.push(...misfits(root, schema.items, item, `${path}[${at}]`))
  }
  if (isJsonObject(value)) found.push(...misfitsOfKeys(root, schema, value, path))
  const any = objects(schema.anyOf)
  if (any.length > 0 && !any.some(fits)) found.push(`${path} fits none of the choices`)
  for (const part of objects(schema.allOf)) found.push(...misfits(root, part, value, path))
  if ('if' in schema && fits(schema.if)) found.push(...misfits(root, schema.then, value, path))
  return found
}

function misfitsOfKeys(root: JsonObject, schema: JsonObject, value: JsonObject, path: string): string[] {
  const properties = isJsonObject(schema.properties) ? schema.properties : {}
  const patterns = isJsonObject(schema.patternProperties) ? Object.entries(schema.patternProperties) : []
  const missing = texts(schema.required).filter((name) => !Object.hasOwn(value, name))
  return [
    ...missing.map((name) => `${path} has no ${name}`),
    ...Object.entries(value).flatMap(([key, each]) => {
      const own = Object.hasOwn(properties, key) ? [properties[key]] : []
      const matching = patterns
        .filter(([pattern]) => new RegExp(pattern, 'u').test(key))
        .map(([, part]) => part)
      const parts = [...own, ...matching]
      return (parts.length > 0 ? parts : [schema.additionalProperties]).flatMap((part) =>
        misfits(root, part, each, `${path}.${key}`),
      )
    }),
  ]
}
