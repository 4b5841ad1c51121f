import type { Look } from '../../domain/flows/board/process-look.ts'

/** What a mark of the board can say; `expected` and `maintenance` are overlays of the same set. */
const drawings = {
  failed: ['M2 1h12q1 0 1 1v12q0 1-1 1H2q-1 0-1-1V2q0-1 1-1Z', 'm5.2 5.2 5.6 5.6m0-5.6-5.6 5.6'],
  waits: ['M2.9 1.9h10.2q1 0 1 1v10.2q0 1-1 1H2.9q-1 0-1-1V2.9q0-1 1-1Z', 'M6 5.7v4.6m4-4.6v4.6'],
  unknown: ['M8 .2 15.8 8 8 15.8.2 8Z', 'M6.1 6.5a1.95 1.95 0 1 1 2.9 1.6c-.7.4-1 .7-1 1.2M8 11.6v.1'],
  degraded: ['M8 .9 15.6 14.6H.4Z', 'M8 6.2v3.2M8 12.1v.1'],
  'at-risk': ['M8 1.6a6.4 6.4 0 1 0 0 12.8 6.4 6.4 0 0 0 0-12.8Z', 'M8 4.6V8l2.3 1.6'],
  healthy: ['M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Z', 'm4.9 8.3 2.2 2.2 4-4.6'],
} as const
type Drawn = keyof typeof drawings

/** The drawing of a look: what is confirming looks like what it will be. */
export const drawnFor = (look: Look): Drawn => (look === 'confirming' ? 'failed' : look)

/** All marks, once a page: an update of the board changes which one is meant, and draws nothing. */
export const BoardMarks = () => (
  <svg class="board__marks" aria-hidden="true" width="0" height="0">
    {Object.entries(drawings).map(([name, [shape, sign]]) => (
      <symbol id={`mark-${name}`} viewBox="0 0 16 16">
        <path class="board-mark__shape" d={shape} />
        <path class="board-mark__sign" d={sign} />
      </symbol>
    ))}
  </svg>
)

/** A mark; hidden from screen readers, because the word beside it says the same. */
export const BoardMark = ({ look }: { look: Look }) => (
  <svg class="board-mark" viewBox="0 0 16 16" aria-hidden="true" data-mark={look}>
    <use href={`#mark-${drawnFor(look)}`} />
  </svg>
)
