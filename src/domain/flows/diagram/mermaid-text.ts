import type { Connection, Flow } from '../flow.ts'
import { diagramLabel } from './diagram-label.ts'

/** The text of a diagram, and what its nodes stand for. */
export interface FlowDiagram {
  /** Mermaid: a flowchart without colours, so that states are set by class. */
  readonly text: string
  readonly processes: readonly { readonly node: string; readonly process: string }[]
  readonly sensors: readonly Sensor[]
}

/** A node on an arrow: the checks that watch what arrives over it. */
export interface Sensor {
  readonly node: string
  readonly to: string
  /** undefined: what arrives from outside the flow. */
  readonly from: string | undefined
  readonly checks: readonly string[]
}

/** Writes the flow as Mermaid text: a box for each process, a sensor on each arrow that is watched. */
export function mermaidText(
  flow: Pick<Flow, 'layout' | 'processes' | 'connections' | 'checks'>,
): FlowDiagram {
  const nodeOf = nodeNames(flow.processes.map((process) => process.id))
  const sensors = sensorsOf(flow, nodeOf)
  const lines = [
    `flowchart ${flow.layout === 'LR' ? 'LR' : 'TD'}`,
    ...flow.processes.map(({ id, name }) => `  ${nodeOf(id)}["${diagramLabel(name)}"]:::process`),
    ...sensors.map(({ node, checks }) => `  ${node}(["${sensorLabel(checks)}"]):::sensor`),
    ...sensors.filter(({ from }) => from === undefined).map(({ node, to }) => `  ${node} --> ${nodeOf(to)}`),
    ...flow.connections.flatMap((connection) => arrows(connection, sensors, nodeOf)),
  ]
  return {
    text: `${lines.join('\n')}\n`,
    processes: flow.processes.map(({ id }) => ({ node: nodeOf(id), process: id })),
    sensors,
  }
}

/** Optional and control connections are dotted and named; with a sensor the arrow goes through it. */
function arrows(
  { from, to, type, optional }: Connection,
  sensors: readonly Sensor[],
  nodeOf: (id: string) => string,
): string[] {
  const line = optional || type === 'control' ? '-.->' : '-->'
  const words = [...(type === 'control' ? ['control'] : []), ...(optional ? ['optional'] : [])].join(', ')
  const named = words === '' ? line : `${line}|${words}|`
  const sensor = sensors.find((each) => each.from === from && each.to === to)
  if (sensor === undefined) return [`  ${nodeOf(from)} ${named} ${nodeOf(to)}`]
  return [`  ${nodeOf(from)} ${named} ${sensor.node}`, `  ${sensor.node} ${line} ${nodeOf(to)}`]
}

/**
 * A check that watches arrivals sits on the first needed data connection into its process, because it cannot tell
 * several apart; at a process that nothing leads to it stands before it.
 */
function sensorsOf(
  { processes, connections, checks }: Pick<Flow, 'processes' | 'connections' | 'checks'>,
  nodeOf: (id: string) => string,
): Sensor[] {
  return processes.flatMap(({ id }): Sensor[] => {
    const watching = checks.filter(
      (check) => check.process === id && check.explains === 'upstream' && check.enabled,
    )
    if (watching.length === 0) return []
    const incoming = connections.filter((connection) => connection.to === id)
    const rank = ({ type, optional }: Connection) => (optional ? 2 : 0) + (type === 'control' ? 1 : 0)
    const from = incoming.toSorted((a, b) => rank(a) - rank(b))[0]?.from
    return [{ node: `s_${nodeOf(id).slice(2)}`, to: id, from, checks: watching.map((check) => check.id) }]
  })
}

function sensorLabel(checks: readonly string[]): string {
  const [first = ''] = checks
  return checks.length === 1 ? diagramLabel(first.replaceAll(/[_-]+/g, ' ')) : `${checks.length} checks`
}

/** Names of nodes without dashes and never a word of Mermaid; ids that differ in nothing else get a number. */
function nodeNames(ids: readonly string[]): (id: string) => string {
  const names = new Map<string, string>()
  const taken = new Set<string>()
  for (const id of ids) {
    const plain = `p_${id.replaceAll('-', '_')}`
    let name = plain
    for (let at = 2; taken.has(name); at++) name = `${plain}_${at}`
    taken.add(name)
    names.set(id, name)
  }
  return (id) => names.get(id) ?? `p_${id.replaceAll('-', '_')}`
}
