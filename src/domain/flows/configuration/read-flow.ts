import type { Alert, Check, Flow } from '../flow.ts'
import { readCheckTypes } from './check-templates.ts'
import { boardDefaults, partKeys } from './flow-shape.ts'
import { checkCircles, checkNames, itemsOf } from './links.ts'
import { entryOf, type Located, type LocatedMap, type Mistake, Mistakes, quoted } from './located.ts'
import { readCheck } from './read-check.ts'
import { readText } from './read-text.ts'
import { readKeys, refuseUnknownKeys } from './record-shape.ts'
import type { KeyValues, Reading } from './shape.ts'
import { fillVariables, type Values } from './variables.ts'

export interface FlowReading {
  /** undefined: there is at least one error among the mistakes. */
  readonly flow: Flow | undefined
  /** Errors and warnings, in the order of the file. */
  readonly mistakes: readonly Mistake[]
}

/** The keys of a file, in the order in which they are best written. */
export const fileKeys = [
  'version',
  'flow',
  'variables',
  'defaults',
  'check_types',
  'processes',
  'connections',
  'health_checks',
  'maintenance',
  'contacts',
  'alerts',
] as const

/**
 * Reads a flow from YAML or JSON, strictly: all mistakes at once, each with its line.
 * @param file what messages call it
 * @param environment where `${NAME}` is looked up after the variables of the file; empty for text of strangers
 */
export function readFlow(text: string, file: string, environment: Values): FlowReading {
  const mistakes = new Mistakes(file)
  const root = readText(text, mistakes)
  if (root === undefined) return { flow: undefined, mistakes: mistakes.all() }
  if (root.kind !== 'map') {
    mistakes.error(root, `A flow is a group of keys: ${fileKeys.join(', ')}.`)
    return { flow: undefined, mistakes: mistakes.all() }
  }
  const reading: Reading = { mistakes, definitions: [], references: [] }
  refuseUnknownKeys(root, fileKeys, reading)
  const filled = fillVariables(root, environment, mistakes)
  const parts = readKeys(filled, partKeys, reading)
  const checks = readChecks(filled, reading)
  checkNames(reading)
  checkCircles(filled, reading)
  warnOfBlindProcesses(filled, checks, reading)
  const flow = parts === undefined || mistakes.hasErrors ? undefined : flowOf(parts, checks, filled, reading)
  return { flow: mistakes.hasErrors ? undefined : flow, mistakes: mistakes.all() }
}

function readChecks(root: LocatedMap, reading: Reading): readonly Check[] {
  const templates = readCheckTypes(root, reading)
  const defaults = entryOf(root, 'defaults')?.value
  const ofChecks = defaults?.kind === 'map' ? entryOf(defaults, 'check')?.value : undefined
  const node = entryOf(root, 'health_checks')?.value
  if (node?.kind !== 'list') {
    reading.mistakes.error(node ?? root, 'The key health_checks is missing or no list: what is measured.')
    return []
  }
  return itemsOf(root, 'health_checks').flatMap(
    (item) => readCheck(item, { templates, defaults: ofChecks }, reading) ?? [],
  )
}

/** Only worth saying once the rest is right: a broken check may be the missing one. */
function warnOfBlindProcesses(
  root: LocatedMap,
  checks: readonly Check[],
  { mistakes, definitions }: Reading,
): void {
  if (mistakes.hasErrors) return
  const watched = new Set(checks.filter((check) => check.enabled).map((check) => check.process))
  for (const { kind, name, node } of definitions) {
    if (kind === 'process' && !watched.has(name)) {
      mistakes.warning(node, `Nothing is checked at ${name}, so it will be UNKNOWN for ever.`)
    }
  }
  const processOf = new Map(checks.map((check) => [check.id, check.process]))
  for (const item of itemsOf(root, 'processes')) foreignMembers(item, processOf, mistakes)
}

/** A redundant group is made of the process's own checks. */
function foreignMembers(item: Located, processOf: ReadonlyMap<string, string>, mistakes: Mistakes): void {
  if (item.kind !== 'map') return
  const id = entryOf(item, 'id')?.value
  const rollup = entryOf(item, 'rollup')?.value
  const of = rollup?.kind === 'map' ? entryOf(rollup, 'of')?.value : undefined
  if (id?.kind !== 'scalar' || of?.kind !== 'list') return
  for (const member of of.items) {
    if (member.kind === 'scalar' && processOf.get(String(member.value)) !== id.value) {
      mistakes.error(member, `${quoted(member)} watches another process than ${String(id.value)}.`)
    }
  }
}

function flowOf(
  parts: KeyValues<typeof partKeys>,
  checks: readonly Check[],
  root: LocatedMap,
  reading: Reading,
): Flow | undefined {
  const { flow, defaults } = parts
  const board = flow.board ?? boardDefaults.read({ ...root, entries: [] }, reading)
  if (board === undefined) return undefined
  return {
    id: flow.id,
    name: flow.name,
    description: flow.description,
    timezone: flow.timezone,
    layout: flow.layout,
    board,
    processes: parts.processes.map(({ drill_down: drillDown, ...process }) => ({
      ...process,
      name: process.name ?? process.id,
      rollup: process.rollup ?? defaults?.process?.rollup ?? 'worst',
      drillDown,
    })),
    connections: parts.connections.map(
      ({ max_lag: maxLag, redundancy_group: redundancyGroup, ...connection }) => ({
        ...connection,
        maxLag: maxLag ?? 0,
        redundancyGroup,
      }),
    ),
    checks,
    maintenance: parts.maintenance,
    contacts: parts.contacts,
    alerts: parts.alerts.map(
      (alert): Alert => ({
        id: alert.id,
        when: alert.when,
        contacts: alert.contacts,
        groupBy: alert.group_by,
        groupWait: alert.group_wait ?? 0,
        failureThreshold: alert.failure_threshold ?? defaults?.alert?.failure_threshold ?? 3,
        successThreshold: alert.success_threshold ?? defaults?.alert?.success_threshold ?? 2,
        sendOnResolved: alert.send_on_resolved ?? defaults?.alert?.send_on_resolved ?? true,
        minimumReminderInterval:
          alert.minimum_reminder_interval ?? defaults?.alert?.minimum_reminder_interval,
      }),
    ),
  }
}
