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

const size = /<svg [^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"/
const node = /<g class="node" data-id="([^"]*)"[^>]*>\s*(<rect [^>]*>)/g
const edge = /<polyline class="edge" ([^>]*)>/g
const label = /<g class="edge-label"[^>]*data-label="([^"]*)"[^>]*>\s*(<rect [^>]*>)/g

/**
 * Reads where beautiful-mermaid put things.
 * @throws Error when it is no drawing of ours
 */
export function drawnShapes(svg: string): DrawnShapes {
  const [, width, height] = size.exec(svg) ?? []
  if (width === undefined || height === undefined) throw new Error('the drawing has no size')
  return {
    width: Math.ceil(Number(width)),
    height: Math.ceil(Number(height)),
    boxes: new Map([...svg.matchAll(node)].map(([, id = '', rect = '']) => [id, boxOf(rect)])),
    lines: [...svg.matchAll(edge)].map(([, attributes = '']) => ({
      from: attribute(attributes, 'data-from'),
      to: attribute(attributes, 'data-to'),
      isDotted: attribute(attributes, 'data-style') === 'dotted',
      points: attribute(attributes, 'points').replaceAll(/\d+\.\d+/g, (value) =>
        String(Math.round(Number(value) * 10) / 10),
      ),
    })),
    labels: [...svg.matchAll(label)].map(([, text = '', rect = '']) => ({ box: boxOf(rect), text })),
  }
}

const boxOf = (rect: string): Box => ({
  x: Number(attribute(rect, 'x')),
  y: Number(attribute(rect, 'y')),
  width: Number(attribute(rect, 'width')),
  height: Number(attribute(rect, 'height')),
})

const attribute = (tag: string, name: string): string =>
  new RegExp(`(?:^| )${name}="([^"]*)"`).exec(tag)?.[1] ?? ''
