import type { CheckType } from '../checks/check-type.ts'
import { type CheckTypeName, checkTypes, isCheckTypeName } from '../checks/registry.ts'
import type { Check, CheckSettings } from '../flow.ts'
import { durationInWords } from '../time/duration.ts'
import { type CheckTemplates, fillTemplate, refuseUnknownPlaceholders } from './check-templates.ts'
import { type CommonCheck, checkDefaults, commonCheckKeys } from './common-check-keys.ts'
import { entryOf, type Located, type LocatedEntry, type LocatedMap, quoted, sameKey } from './located.ts'
import { nearestName } from './nearest-name.ts'
import { readKeys, refuseUnknownKeys } from './record-shape.ts'
import type { Keys, Reading } from './shape.ts'

/** From the last result to the picture on the board. */
const push = 500
/** The promise of the board: red within this time. */
export const promise = 5_000

/** Reads one of `health_checks`; undefined when anything of it is wrong. */
export function readCheck(
  node: Located,
  { templates, defaults }: { readonly templates: CheckTemplates; readonly defaults: Located | undefined },
  reading: Reading,
): Check | undefined {
  if (node.kind !== 'map') {
    reading.mistakes.error(node, 'A health check needs id, process, type and what the type asks for.')
    return undefined
  }
  const typeNode = entryOf(node, 'type')?.value
  const namedType = typeNode?.kind === 'scalar' ? String(typeNode.value ?? '') : ''
  const template = templates.get(namedType)
  const type = template?.base ?? namedType
  if (!isCheckTypeName(type)) {
    const names = [...Object.keys(checkTypes), ...templates.keys()]
    if (namedType === '')
      reading.mistakes.error(typeNode ?? node, 'The key type is missing: what is measured.')
    else if (!declared(reading, namedType)) {
      reading.mistakes.error(
        typeNode ?? node,
        `There is no check type ${quoted(typeNode ?? node)}.`,
        nearestName(namedType, names),
      )
    }
    // Names and common keys can still be told right from wrong.
    readKeys(node, commonCheckKeys, reading)
    return undefined
  }
  const { keys, wrong }: CheckType<Keys, never> = checkTypes[type]
  const own = ['type', ...Object.keys(commonCheckKeys), ...Object.keys(keys)]
  refuseUnknownKeys(node, template === undefined ? own : [...own, 'with'], reading, ` of ${namedType}`)
  const filled =
    template === undefined ? [] : fillTemplate(template, entryOf(node, 'with')?.value, node, reading)
  const merged = layered(node, filled, defaults?.kind === 'map' ? onlyDefaults(defaults.entries) : [])
  for (const { key, value } of node.entries) {
    // The parts of a name pattern are no placeholders: its own reader tells what is wrong with them.
    if (key !== 'with' && sameKey(key) !== 'time') refuseUnknownPlaceholders(value, [], reading)
  }
  const common = readKeys(merged, commonCheckKeys, reading)
  const parameters = readKeys(merged, keys, reading)
  if (common === undefined || parameters === undefined) return undefined
  const message = wrong?.(parameters, { schedule: common.schedule })
  if (message !== undefined) reading.mistakes.error(node, message)
  const settings = settingsOf(common, namedType, type)
  warnOfSlowness(settings, merged, reading)
  // The registry has just told the keys of this very type; TypeScript cannot tie the two together.
  return { ...settings, type, parameters } as Check
}

/** A type whose own entry is broken has been told of already. */
const declared = (reading: Reading, name: string) =>
  reading.mistakes.all().some((mistake) => mistake.path.startsWith(`check_types.${name}`))

/** The check speaks first, then its template, then the defaults of the file. */
function layered(node: LocatedMap, ...below: readonly (readonly LocatedEntry[])[]): LocatedMap {
  const entries = [...node.entries]
  for (const entry of below.flat()) {
    if (!entries.some((known) => sameKey(known.key) === sameKey(entry.key))) entries.push(entry)
  }
  return { ...node, entries }
}

const onlyDefaults = (entries: readonly LocatedEntry[]) =>
  entries.filter((entry) => Object.hasOwn(checkDefaults, sameKey(entry.key)))

function settingsOf(common: CommonCheck, namedType: string, type: CheckTypeName): CheckSettings {
  const {
    interval,
    timeout,
    retries,
    retry_interval: retryInterval,
    failure_threshold: failureThreshold,
  } = common
  return {
    id: common.id,
    process: common.process,
    namedType,
    interval,
    timeout,
    retries,
    retryInterval,
    ttl: common.ttl ?? Math.max(15_000, 2 * interval + timeout),
    failureThreshold,
    successThreshold: common.success_threshold,
    severity: common.severity,
    explains: common.explains === 'auto' ? checkTypes[type].explains : common.explains,
    schedule: common.schedule,
    flap: common.flap ?? { window: 20, start: 30, stop: 25 },
    onTimeout: common.on_timeout ?? checkTypes[type].onTimeout,
    onError: common.on_error,
    onNoData: common.on_no_data,
    cacheTtl: common.cache_ttl,
    jitter: common.jitter,
    enabled: common.enabled,
    tags: common.tags,
    owner: common.owner,
    runbook: common.runbook,
    description: common.description,
    alerts: common.alerts,
    detectionBudget:
      interval * failureThreshold +
      common.cache_ttl +
      timeout +
      retries * (retryInterval + timeout) +
      common.jitter +
      push,
  }
}

function warnOfSlowness(check: CheckSettings, node: LocatedMap, { mistakes }: Reading): void {
  if (!check.enabled || check.detectionBudget <= promise) return
  const at = entryOf(node, 'interval')?.value ?? entryOf(node, 'id')?.value ?? node
  const place = at.path.startsWith(node.path) ? at : (entryOf(node, 'id')?.value ?? node)
  mistakes.warning(
    place,
    `${check.id} may need ${durationInWords(check.detectionBudget)} from a fault to red (interval, timeout and retries), more than the 5 s that the board promises.`,
  )
}
