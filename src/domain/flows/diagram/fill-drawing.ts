import type { DiagramStates, PartState } from './diagram-states.ts'
import type { Drawing, Slot } from './drawing.ts'
import { standaloneStyle } from './standalone-style.ts'
import { xmlText } from './xml-text.ts'

interface Filling {
  readonly title: string
  /** The whole state in a sentence, for those who cannot see it. */
  readonly description: string
  /** Where a box leads; without it the drawing is one picture. */
  readonly href?: (process: string) => string
  /** Brings its own colours, for wherever our stylesheet is not. */
  readonly standalone?: boolean
}

const blank: PartState = {
  state: 'unknown',
  role: 'none',
  probable: false,
  mark: 'unknown',
  word: 'Unknown',
  title: '',
}

/** The drawing as SVG with its states written in: no new drawing, only text between texts. */
export function fillDrawing(
  drawing: Drawing,
  states: DiagramStates,
  { title, description, href, standalone = false }: Filling,
): string {
  const { prefix, width, height } = drawing
  const write = (slot: Slot, part: PartState, process: string | undefined): string => {
    switch (slot) {
      case 'state':
        return ` data-state="${part.state}" data-role="${part.role}"${part.probable ? ' data-probable=""' : ''}`
      case 'title':
        return xmlText(part.title)
      case 'mark':
        return part.mark
      case 'word':
        return xmlText(part.word)
      case 'open':
        return href === undefined || process === undefined ? '' : `<a href="${xmlText(href(process))}">`
      case 'close':
        return href === undefined || process === undefined ? '' : '</a>'
    }
  }
  // Links are lost to whoever is told that this is one picture.
  const role = href === undefined ? 'img' : 'group'
  const names = `aria-labelledby="${prefix}-title" aria-describedby="${prefix}-desc"`
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" class="flow" role="${role}" ${names} viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" data-marks="${prefix}">`,
    `<title id="${prefix}-title">${xmlText(title)}</title><desc id="${prefix}-desc">${xmlText(description)}</desc>`,
    ...(standalone ? [`<style>${standaloneStyle}</style>`] : []),
  ]
  for (const piece of drawing.pieces) {
    parts.push(
      typeof piece === 'string' ? piece : write(piece.slot, states[piece.part] ?? blank, piece.process),
    )
  }
  parts.push('</svg>')
  return parts.join('')
}
