import type { Connection, Flow } from '../flow.ts'
import { diagramLabel } from './diagram-label.ts'

/** The text of a diagram, and what its nodes stand for. */
export interface FlowDiagram {
  readonly layout: Flow['layout']
  /** Mermaid: a flowchart without colours, so that states are set by class. */
  readonly text: string
  /** The same with room in the boxes for what is written in by `fillDrawing`: marks and words of states. */
  readonly roomy: string
  /** A label is broken into lines by `<br>`. */
  readonly processes: readonly { readonly node: string; readonly process: string; readonly label: string }[]
  readonly sensors: readonly Sensor[]
  readonly arrows: readonly Arrow[]
}

/** An arrow as it is drawn: a watched connection is two of them, to its sensor and on. */
export interface Arrow {
  /** Its line in the Mermaid text. */
  readonly line: string
  readonly fromNode: string
  readonly toNode: string
  /** The processes it connects; undefined: it comes from outside the flow. */
  readonly from: string | undefined
  readonly to: string
}

/** A node on an arrow: the checks that watch what arrives over it. */
export interface Sensor {
  readonly node: string
  readonly label: string
  readonly to: string
  /** undefined: what arrives from outside the flow. */
  readonly from: string | undefined
  readonly checks: readonly string[]
}

/** A mark and the longest word of a state; the longer texts fit into the margin of the box. */
const roomForState = 'M Degraded'

/** Writes the flow as Mermaid text: a box for each process, a sensor on each arrow that is watched. */
export function mermaidText(
  flow: Pick<Flow, 'layout' | 'processes' | 'connections' | 'checks'>,
): FlowDiagram {
  const nodeOf = nodeNames(flow.processes.map((process) => process.id))
  const processes = flow.processes.map(({ id, name }) => ({
    node: nodeOf(id),
    process: id,
    label: diagramLabel(name),
  }))
  const sensors = sensorsOf(flow, nodeOf)
  const drawnArrows = [
    ...sensors
      .filter(({ from }) => from === undefined)
      .map(({ node, to }) => arrow(node, '-->', nodeOf(to), { from: undefined, to })),
    ...flow.connections.flatMap((connection) => arrows(connection, sensors, nodeOf)),
  ]
  return inLayout({ processes, sensors, arrows: drawnArrows }, flow.layout)
}

/** The same boxes and arrows, left to right or top-down. */
export function inLayout(
  { processes, sensors, arrows: drawn }: Pick<FlowDiagram, 'processes' | 'sensors' | 'arrows'>,
  layout: FlowDiagram['layout'],
): FlowDiagram {
  const parts = { layout, processes, sensors, arrows: drawn }
  return {
    ...parts,
    text: writeMermaid(parts),
    // The mark of a sensor stands in its margin.
    roomy: writeMermaid(parts, ({ label, isSensor }) => (isSensor ? label : `${label}<br>${roomForState}`)),
  }
}

interface Node {
  readonly node: string
  readonly label: string
  readonly isSensor: boolean
}

/**
 * The text of a diagram, box by box, then arrow by arrow.
 * @param labelOf what stands in a box
 * @param classOf the class of a box besides its kind
 */
export function writeMermaid(
  {
    layout,
    processes,
    sensors,
    arrows: drawn,
  }: Pick<FlowDiagram, 'layout' | 'processes' | 'sensors' | 'arrows'>,
  labelOf: (node: Node) => string = ({ label }) => label,
  classOf: (node: Node) => string = ({ isSensor }) => (isSensor ? 'sensor' : 'process'),
): string {
  const boxes = [
    ...processes.map(({ node, label }) => ({ node, label, isSensor: false })),
    ...sensors.map(({ node, label }) => ({ node, label, isSensor: true })),
  ].map((node) => {
    const [open, close] = node.isSensor ? ['(["', '"])'] : ['["', '"]']
    return `  ${node.node}${open}${labelOf(node)}${close}:::${classOf(node)}`
  })
  const head = `flowchart ${layout === 'LR' ? 'LR' : 'TD'}`
  return `${[head, ...boxes, ...drawn.map(({ line }) => line)].join('\n')}\n`
}

const arrow = (
  fromNode: string,
  by: string,
  toNode: string,
  { from, to }: { readonly from: string | undefined; readonly to: string },
): Arrow => ({ line: `  ${fromNode} ${by} ${toNode}`, fromNode, toNode, from, to })

/** Optional and control connections are dotted and named; with a sensor the arrow goes through it. */
function arrows(
  { from, to, type, optional }: Connection,
  sensors: readonly Sensor[],
  nodeOf: (id: string) => string,
): Arrow[] {
  const line = optional || type === 'control' ? '-.->' : '-->'
  const words = [...(type === 'control' ? ['control'] : []), ...(optional ? ['optional'] : [])].join(', ')
  const named = words === '' ? line : `${line}|${words}|`
  const ends = { from, to }
  const sensor = sensors.find((each) => each.from === from && each.to === to)
  if (sensor === undefined) return [arrow(nodeOf(from), named, nodeOf(to), ends)]
  return [arrow(nodeOf(from), named, sensor.node, ends), arrow(sensor.node, line, nodeOf(to), ends)]
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
    const ids = watching.map((check) => check.id)
    return [{ node: `s_${nodeOf(id).slice(2)}`, label: sensorLabel(ids), to: id, from, checks: ids }]
  })
}

/** Sensors stand between the boxes, where each character makes a left-to-right drawing wider. */
const sensorLineLength = 12

function sensorLabel(checks: readonly string[]): string {
  const [first = ''] = checks
  return checks.length === 1
    ? diagramLabel(first.replaceAll(/[_-]+/g, ' '), sensorLineLength)
    : `${checks.length} checks`
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
