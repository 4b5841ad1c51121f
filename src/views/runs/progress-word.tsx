import type { ProgressState } from '../../domain/pipeline/progress-state.ts'
import { Mark } from '../components/mark.tsx'

/** An octagon with a bar, and a disc with two: neither is the mark of a state that a run can end in. */
const Stuck = () => (
  <svg class="mark mark--failed" viewBox="0 0 16 16" aria-hidden="true">
    <path class="mark__shape" d="M4.9.5h6.2l4.4 4.4v6.2l-4.4 4.4H4.9L.5 11.1V4.9Z" />
    <path class="mark__sign" d="M4.6 8h6.8" />
  </svg>
)
const Paused = () => (
  <svg class="mark mark--degraded" viewBox="0 0 16 16" aria-hidden="true">
    <circle class="mark__shape" cx="8" cy="8" r="7" />
    <path class="mark__sign" d="M6.1 5.2v5.6M9.9 5.2v5.6" />
  </svg>
)

/** Each with a shape and a colour of its own. */
const shown = {
  slow: { colour: 'degraded', word: 'Slow', mark: <Mark state="degraded" /> },
  stuck: { colour: 'failed', word: 'Stuck', mark: <Stuck /> },
  paused: { colour: 'degraded', word: 'Paused', mark: <Paused /> },
  waiting: { colour: 'queued', word: 'Waiting', mark: <Mark state="queued" /> },
} as const satisfies Record<ProgressState['kind'], object>

/** The word beside a run's state. */
export const ProgressWord = ({ kind }: { kind: ProgressState['kind'] }) => (
  <span class={`state state--${shown[kind].colour}`}>
    {shown[kind].mark}
    {shown[kind].word}
  </span>
)

/** The reason as a sentence. */
export const progressSentence = ({ because }: ProgressState): string =>
  `${because.charAt(0).toUpperCase()}${because.slice(1)}${because.endsWith('.') ? '' : '.'}`
