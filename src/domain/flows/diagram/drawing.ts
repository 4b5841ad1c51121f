import type { Result } from '../../result.ts'
import type { FlowDiagram } from './mermaid-text.ts'

/** A drawn flow without its states; made of data only, so that a thread can hand it over. */
export interface Drawing {
  /** Begins the ids inside the drawing, so that two of them can stand on one page. */
  readonly prefix: string
  readonly width: number
  readonly height: number
  readonly pieces: readonly Piece[]
}

/** SVG as it is, or a place where `fillDrawing` writes something of a node or arrow. */
export type Piece = string | { readonly slot: Slot; readonly part: string; readonly process?: string }

export type Slot =
  /** The attributes that tell the state. */
  | 'state'
  /** What is said when it is pointed at, or read out. */
  | 'title'
  /** Which mark is shown. */
  | 'mark'
  /** The word of the state. */
  | 'word'
  /** Where a link begins and ends. */
  | 'open'
  | 'close'

/**
 * Draws a flow. What was drawn once is remembered, unless it is not to be.
 * Refused where it took too long or did not work out: a page without its drawing says so.
 */
export type DrawFlow = (diagram: FlowDiagram, keep?: boolean) => Promise<Result<Drawing>>
