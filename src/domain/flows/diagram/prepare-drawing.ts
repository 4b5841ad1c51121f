import { arrowPart } from './diagram-states.ts'
import type { Drawing, Piece } from './drawing.ts'
import { type Box, drawnShapes } from './drawn-shapes.ts'
import { markSymbols } from './mark-symbols.ts'
import type { FlowDiagram } from './mermaid-text.ts'
import { xmlText } from './xml-text.ts'

const lineHeight = 17
/** Half of the line with mark and word: the mark stands at its begin. */
const stateHalf = 38
const markSize = 14

/**
 * Takes the places of boxes and arrows from what the drawing program wrote and draws them anew: with classes instead of
 * colours, with room for states, and without the styles that our policy forbids.
 * @param svg of the roomy text of the diagram
 * @param prefix begins every id
 */
export function prepareDrawing(svg: string, diagram: FlowDiagram, prefix: string): Drawing {
  const { width, height, boxes, lines, labels } = drawnShapes(svg)
  const pieces: Piece[] = [`<defs>${arrowMarker(prefix)}${markSymbols(prefix)}</defs>`]
  for (const { from, to, isDotted, points } of lines) {
    const part = arrowPart({ fromNode: from, toNode: to })
    pieces.push(
      `<polyline class="flow__arrow${isDotted ? ' flow__arrow--dotted' : ''}" data-part="${part}"`,
      { slot: 'state', part },
      ` points="${points}" marker-end="url(#${prefix}-arrow)"/>`,
    )
  }
  for (const { box, text } of labels) {
    pieces.push(
      `<g class="flow__label"><rect ${placeOf(box)} rx="2"/>${textLine(text, center(box), middle(box))}</g>`,
    )
  }
  for (const { node, process, label } of diagram.processes) {
    const box = boxes.get(node)
    if (box !== undefined) pieces.push(...processPieces(box, node, process, label.split('<br>'), prefix))
  }
  for (const { node, label } of diagram.sensors) {
    const box = boxes.get(node)
    if (box !== undefined) pieces.push(...sensorPieces(box, node, label.split('<br>'), prefix))
  }
  return { prefix, width, height, pieces: joined(pieces) }
}

function processPieces(
  box: Box,
  node: string,
  process: string,
  lines: readonly string[],
  prefix: string,
): Piece[] {
  const first = middle(box) - (lines.length * lineHeight) / 2
  const begin = center(box) - stateHalf
  const last = first + lines.length * lineHeight
  const names = lines.map((line, at) => textLine(line, center(box), first + at * lineHeight))
  return [
    { slot: 'open', part: node, process },
    `<g class="flow__process" data-part="${node}" data-process="${process}"`,
    { slot: 'state', part: node },
    '><title>',
    { slot: 'title', part: node },
    `</title><rect ${placeOf(box)} rx="3"/>${names.join('')}${markAt(begin, last - markSize / 2, prefix)}`,
    { slot: 'mark', part: node },
    `"/><text class="flow__word" x="${round(begin + markSize + 5)}" y="${round(last)}" dy=".35em">`,
    { slot: 'word', part: node },
    '</text></g>',
    { slot: 'close', part: node, process },
  ]
}

function sensorPieces(box: Box, node: string, lines: readonly string[], prefix: string): Piece[] {
  const first = middle(box) - ((lines.length - 1) * lineHeight) / 2
  const names = lines.map((line, at) =>
    textLine(line, center(box) + markSize / 2 + 2, first + at * lineHeight),
  )
  return [
    `<g class="flow__sensor" data-part="${node}"`,
    { slot: 'state', part: node },
    '><title>',
    { slot: 'title', part: node },
    `</title><rect ${placeOf(box)} rx="${round(box.height / 2)}"/>${names.join('')}${markAt(box.x + 9, middle(box) - markSize / 2, prefix)}`,
    { slot: 'mark', part: node },
    '"/></g>',
  ]
}

const markAt = (x: number, y: number, prefix: string): string =>
  `<use class="flow__mark" x="${round(x)}" y="${round(y)}" width="${markSize}" height="${markSize}" href="#${prefix}-`

const textLine = (text: string, x: number, y: number): string =>
  `<text x="${round(x)}" y="${round(y)}" dy=".35em">${xmlText(text)}</text>`

const arrowMarker = (prefix: string): string =>
  `<marker id="${prefix}-arrow" markerWidth="8" markerHeight="6" refX="7" refY="3" orient="auto"><path class="flow__head" d="M0 0 8 3 0 6Z"/></marker>`

const center = ({ x, width }: Box) => x + width / 2
const middle = ({ y, height }: Box) => y + height / 2
const round = (value: number): number => Math.round(value * 10) / 10
const placeOf = ({ x, y, width, height }: Box): string =>
  `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`

/** Neighbouring texts as one. */
function joined(pieces: readonly Piece[]): Piece[] {
  const found: Piece[] = []
  for (const piece of pieces) {
    const last = found.at(-1)
    if (typeof piece === 'string' && typeof last === 'string') found[found.length - 1] = last + piece
    else found.push(piece)
  }
  return found
}
