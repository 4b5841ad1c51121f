import { type CheckTypeName, checkTypes, isCheckTypeName } from '../checks/registry.ts'
import { dateNames } from '../time/dates-in-text.ts'
import { momentParts } from '../time/moment-in-name.ts'
import { commonCheckKeys } from './common-check-keys.ts'
import { anyKeys } from './container-shapes.ts'
import { checkTypeKeys, type Parameter, parameterShape } from './flow-shape.ts'
import { entryOf, type Located, type LocatedEntry, type LocatedMap, quoted, sameKey } from './located.ts'
import { nearestName } from './nearest-name.ts'
import { refuseUnknownKeys } from './record-shape.ts'
import type { Reading, Shape } from './shape.ts'
import { duration, flag, integer, number, text } from './value-shapes.ts'

/** A type of the file's own: what it is made from, and what it says before the check does. */
export interface CheckTemplate {
  readonly base: CheckTypeName
  readonly parameters: Readonly<Record<string, Parameter>>
  readonly entries: readonly LocatedEntry[]
}
export type CheckTemplates = ReadonlyMap<string, CheckTemplate>

const ownKeys = Object.keys(checkTypeKeys)
const parametersShape = anyKeys(parameterShape)

/** Reads `check_types`: named templates over built-in types, or over each other. */
export function readCheckTypes(root: LocatedMap, reading: Reading): CheckTemplates {
  const node = entryOf(root, 'check_types')?.value
  const templates = new Map<string, CheckTemplate>()
  if (node === undefined || (node.kind === 'scalar' && node.value === null)) return templates
  if (node.kind !== 'map') {
    reading.mistakes.error(node, 'check_types is a group: the name of each type, and under it what it says.')
    return templates
  }
  for (const { key, keyPlace, value } of node.entries) {
    const at = { place: keyPlace, path: value.path }
    if (isCheckTypeName(key)) reading.mistakes.error(at, 'A built-in type has this name. Choose another.')
    if (value.kind !== 'map') {
      reading.mistakes.error(value, 'A check type needs extends, and what it sets.')
      continue
    }
    const chain = chainOf(key, node, reading)
    if (chain === undefined) continue
    const parameters: Record<string, Parameter> = {}
    for (const link of chain.links) {
      const declared = entryOf(link, 'parameters')?.value
      Object.assign(parameters, (declared && parametersShape.read(declared, reading)) ?? {})
    }
    // The last link is nearest to the built-in type: what is said earlier comes first.
    const entries = chain.links.flatMap((link) =>
      link.entries.filter((entry) => !ownKeys.includes(sameKey(entry.key))),
    )
    const known = [...ownKeys, ...Object.keys(commonCheckKeys), ...Object.keys(checkTypes[chain.base].keys)]
    refuseUnknownKeys(value, known, reading, ` of ${chain.base}`)
    for (const { key, value } of entries) {
      const ofNames = sameKey(key) === 'time' ? momentParts : []
      refuseUnknownPlaceholders(value, [...Object.keys(parameters), ...ofNames], reading)
    }
    templates.set(key, { base: chain.base, parameters, entries })
  }
  return templates
}

function chainOf(
  name: string,
  types: LocatedMap,
  { mistakes }: Reading,
): { readonly base: CheckTypeName; readonly links: readonly LocatedMap[] } | undefined {
  const seen: string[] = []
  const links: LocatedMap[] = []
  let current = name
  while (!isCheckTypeName(current)) {
    const value = types.entries.find((entry) => entry.key === current)?.value
    if (value?.kind !== 'map') return undefined
    seen.push(current)
    links.push(value)
    const extended = entryOf(value, 'extends')?.value
    if (extended?.kind !== 'scalar' || typeof extended.value !== 'string') {
      mistakes.error(extended ?? value, 'The key extends is missing: the type it is made from.')
      return undefined
    }
    const next = extended.value
    if (seen.includes(next)) {
      mistakes.error(extended, `These types extend each other: ${[...seen, next].join(' > ')}.`)
      return undefined
    }
    if (!isCheckTypeName(next) && !types.entries.some((entry) => entry.key === next)) {
      const names = [...Object.keys(checkTypes), ...types.entries.map((entry) => entry.key)]
      mistakes.error(extended, `There is no check type ${quoted(extended)}.`, nearestName(next, names))
      return undefined
    }
    current = next
  }
  return { base: current, links }
}

const parameterShapes: Readonly<Record<Parameter['type'], Shape<unknown>>> = {
  string: text,
  integer: integer(Number.MIN_SAFE_INTEGER),
  number,
  boolean: flag,
  duration,
}

/** The entries of a template with its parameters filled in from `with`. */
export function fillTemplate(
  template: CheckTemplate,
  given: Located | undefined,
  check: LocatedMap,
  reading: Reading,
): readonly LocatedEntry[] {
  const values: Record<string, string> = {}
  if (given !== undefined && given.kind !== 'map') {
    reading.mistakes.error(given, 'with is a group: the name of each parameter, and its value.')
  }
  const entries = given?.kind === 'map' ? given.entries : []
  for (const { key, keyPlace, value } of entries) {
    const parameter = Object.hasOwn(template.parameters, key) ? template.parameters[key] : undefined
    if (parameter === undefined) {
      const near = nearestName(key, Object.keys(template.parameters))
      reading.mistakes.error(
        { place: keyPlace, path: value.path },
        'This check type has no such parameter.',
        near,
      )
    } else if (
      parameterShapes[parameter.type].read(value, reading) !== undefined &&
      value.kind === 'scalar'
    ) {
      values[key] = String(value.value)
    }
  }
  for (const [name, parameter] of Object.entries(template.parameters)) {
    if (values[name] !== undefined || entries.some((entry) => entry.key === name)) continue
    if (parameter.default !== undefined) values[name] = parameter.default
    else reading.mistakes.error(given ?? check, `The parameter ${name} is missing. Give it in with.`)
  }
  return template.entries.map((entry) => ({ ...entry, value: fillPlaceholders(entry.value, values) }))
}

const use = /\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g

function fillPlaceholders(node: Located, values: Readonly<Record<string, string>>): Located {
  if (node.kind === 'list')
    return { ...node, items: node.items.map((item) => fillPlaceholders(item, values)) }
  if (node.kind === 'map') {
    const entries = node.entries.map((entry) => ({ ...entry, value: fillPlaceholders(entry.value, values) }))
    return { ...node, entries }
  }
  if (typeof node.value !== 'string' || !node.value.includes('{{')) return node
  const value = node.value.replace(use, (found, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? found) : found,
  )
  return { ...node, value, written: node.written ?? node.value }
}

/** `{{name}}` has to be a parameter, or a date that is filled in when the check runs. */
export function refuseUnknownPlaceholders(
  node: Located,
  parameters: readonly string[],
  reading: Reading,
): void {
  if (node.kind === 'list')
    for (const item of node.items) refuseUnknownPlaceholders(item, parameters, reading)
  else if (node.kind === 'map') {
    for (const entry of node.entries) refuseUnknownPlaceholders(entry.value, parameters, reading)
  } else if (typeof node.value === 'string') {
    for (const [found, name = ''] of node.value.matchAll(use)) {
      const known = [...parameters, ...dateNames]
      if (!known.includes(name)) {
        reading.mistakes.error(node, `Nothing fills ${found} in.`, nearestName(name, known))
      }
    }
  }
}
