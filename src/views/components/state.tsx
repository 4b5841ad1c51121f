import { Mark, type MarkState } from './mark.tsx'

const words: Record<MarkState, string> = {
  healthy: 'Healthy',
  completed: 'Completed',
  degraded: 'Degraded',
  failed: 'Failed',
  unknown: 'Unknown',
  running: 'Running',
  queued: 'Queued',
  cancelled: 'Cancelled',
  waits: 'Waits',
  'at-risk': 'At risk',
}

interface Props {
  state: MarkState
  /** In place of the state's own word. */
  word?: string
  /** Said after the word, paler: a share, a stage. */
  more?: string | undefined
}

/** A state in a table or a sentence: mark and word. */
export const State = ({ state, word, more }: Props) => (
  <span class={`state state--${state}`}>
    <Mark state={state} />
    {word ?? words[state]}
    {more === undefined ? null : <small>{more}</small>}
  </span>
)

/** A state with a ground, once in a page's head. */
export const Plate = ({ state, word }: Omit<Props, 'more'>) => (
  <span class={`plate plate--${state}`}>
    <Mark state={state} />
    {word ?? words[state]}
  </span>
)
