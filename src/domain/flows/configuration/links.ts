import { entryOf, type Located, type LocatedMap } from './located.ts'
import { nearestName } from './nearest-name.ts'
import type { Reading } from './shape.ts'

/** Refuses names given twice, and names that nothing has. */
export function checkNames({ mistakes, definitions, references }: Reading): void {
  const known = new Map<string, { readonly line: number; readonly names: Set<string> }>()
  const first = new Map<string, number>()
  for (const { kind, name, node } of definitions) {
    const key = `${kind} ${name}`
    const line = first.get(key)
    if (line !== undefined) mistakes.error(node, `Line ${line} has a ${kind} with the id ${name} already.`)
    else first.set(key, node.place.line)
    const entry = known.get(kind) ?? { line: 0, names: new Set<string>() }
    entry.names.add(name)
    known.set(kind, entry)
  }
  for (const { kind, name, node } of references) {
    const names = known.get(kind)?.names ?? new Set()
    if (names.has(name)) continue
    // Never what a variable brought.
    const shown = node.kind === 'scalar' ? (node.written ?? name) : name
    mistakes.error(node, `There is no ${kind} ${shown}.`, nearestName(name, names))
  }
}

interface Link {
  readonly from: string
  readonly to: string
  readonly node: Located
}

/** Refuses circles of connections, and of checks made of checks. */
export function checkCircles(root: LocatedMap, { mistakes }: Reading): void {
  const connections = itemsOf(root, 'connections').flatMap((node): Link[] => {
    const from = textAt(node, 'from')
    const to = textAt(node, 'to')
    return from === undefined || to === undefined ? [] : [{ from, to, node }]
  })
  const pairs = new Map<string, number>()
  for (const { from, to, node } of connections) {
    const line = pairs.get(`${from} ${to}`)
    if (line !== undefined) mistakes.error(node, `Line ${line} connects ${from} to ${to} already.`)
    else pairs.set(`${from} ${to}`, node.place.line)
  }
  const members = itemsOf(root, 'health_checks').flatMap((node): Link[] => {
    const from = textAt(node, 'id')
    const of = node.kind === 'map' ? entryOf(node, 'of')?.value : undefined
    if (from === undefined || of?.kind !== 'list') return []
    return of.items.flatMap((item) =>
      item.kind === 'scalar' ? [{ from, to: String(item.value), node: item }] : [],
    )
  })
  for (const links of [connections, members]) {
    for (const circle of circlesIn(links)) {
      mistakes.error(circle.node, `cycle: ${inWords(circle)}. Take one of these out.`)
    }
  }
}

interface Circle {
  readonly path: readonly string[]
  readonly node: Located
}

/** More names than on any picture are told by their number. */
const mostNamed = 100

function inWords({ path }: Circle): string {
  if (path.length <= mostNamed) return path.join(' > ')
  return [...path.slice(0, mostNamed), `… ${path.length - mostNamed} more`, path.at(-1)].join(' > ')
}

/**
 * Every link that closes a circle, with one of the circles it closes; without these links there is none. Depth first,
 * without recursion: a chain may be as long as the file.
 */
function circlesIn(links: readonly Link[]): readonly Circle[] {
  const circles: Circle[] = []
  const outgoing = Map.groupBy(links, (link) => link.from)
  const done = new Set<string>()
  for (const start of outgoing.keys()) {
    const path = [{ name: start, at: 0 }]
    while (path.length > 0) {
      const top = path.at(-1)
      const link = top === undefined ? undefined : outgoing.get(top.name)?.[top.at++]
      if (top === undefined || link === undefined) {
        if (top !== undefined) done.add(top.name)
        path.pop()
        continue
      }
      if (done.has(link.to)) continue
      const begin = path.findIndex((step) => step.name === link.to)
      if (begin < 0) path.push({ name: link.to, at: 0 })
      else circles.push({ path: [...path.slice(begin).map(({ name }) => name), link.to], node: link.node })
    }
  }
  return circles
}

export function itemsOf(root: LocatedMap, key: string): readonly Located[] {
  const node = entryOf(root, key)?.value
  return node?.kind === 'list' ? node.items : []
}

function textAt(node: Located, key: string): string | undefined {
  const value = node.kind === 'map' ? entryOf(node, key)?.value : undefined
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined
}
