/** A rectangle of the drawing, in its units. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface DrawnShapes {
  readonly width: number
  readonly height: number
  /** By node. */
  readonly boxes: ReadonlyMap<string, Box>
  readonly lines: readonly {
    readonly from: string
    readonly to: string
    readonly isDotted: boolean
    /** As an SVG polyline wants them, rounded. */
    readonly points: string
  }[]
  readonly labels: readonly { readonly box: Box; readonly text: string }[]
}

const node = /<g class="node" data-id="([^"]*)"[^>]*>\s*(<rect [^>]*>)/g
const edge = /<polyline class="edge" ([^>]*)>/g
const label = /<g class="edge-label"[^>]*data-label="([^"]*)"[^>]*>\s*(<rect [^>]*>)/g
const margin = 6

/**
 * Reads where beautiful-mermaid put things. Its own size leaves room for labels where there are none, so the size is
 * that of what is drawn.
 * @throws Error when it is no drawing of ours
 */
export function drawnShapes(svg: string): DrawnShapes {
  const boxes = new Map([...svg.matchAll(node)].map(([, id = '', rect = '']) => [id, boxOf(rect)]))
  if (boxes.size === 0) throw new Error('the drawing has no boxes')
  const lines = [...svg.matchAll(edge)].map(([, attributes = '']) => ({
    from: attribute(attributes, 'data-from'),
    to: attribute(attributes, 'data-to'),
    isDotted: attribute(attributes, 'data-style') === 'dotted',
    points: attribute(attributes, 'points').replaceAll(/\d+\.\d+/g, (value) =>
      String(Math.round(Number(value) * 10) / 10),
    ),
  }))
  const labels = [...svg.matchAll(label)].map(([, text = '', rect = '']) => ({ box: boxOf(rect), text }))
  const corners = [
    ...[...boxes.values(), ...labels.map(({ box }) => box)].map(({ x, y, width, height }) => [
      x + width,
      y + height,
    ]),
    ...lines.flatMap(({ points }) => points.split(' ').map((point) => point.split(',').map(Number))),
  ]
  const farthest = (axis: 0 | 1) =>
    Math.ceil(corners.reduce((most, corner) => Math.max(most, corner[axis] ?? 0), 0)) + margin
  return { width: farthest(0), height: farthest(1), boxes, lines, labels }
}

const boxOf = (rect: string): Box => ({
  x: Number(attribute(rect, 'x')),
  y: Number(attribute(rect, 'y')),
  width: Number(attribute(rect, 'width')),
  height: Number(attribute(rect, 'height')),
})

const attribute = (tag: string, name: string): string =>
  new RegExp(`(?:^| )${name}="([^"]*)"`).exec(tag)?.[1] ?? ''
