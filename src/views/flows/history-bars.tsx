import type { State } from '../../domain/flows/state/state.ts'

const pitch = 4
const width = 3

const classOf = { HEALTHY: undefined, DEGRADED: 'degraded', UNKNOWN: 'unknown', FAILED: 'failed' } as const

/** States by time, one bar a slot, whatever happened in it at worst. */
export const HistoryBars = ({ states, label }: { states: readonly (State | undefined)[]; label: string }) => (
  <svg
    class="history"
    viewBox={`0 0 ${states.length * pitch} 18`}
    preserveAspectRatio="none"
    role="img"
    aria-label={label}
  >
    {states.map((state, at) => {
      // What is bad is taller too, so that it is not told by colour alone.
      const [y, height] = state === 'HEALTHY' ? [4, 14] : state === undefined ? [16, 2] : [0, 18]
      return (
        <rect
          class={state === undefined ? 'nothing' : classOf[state]}
          x={at * pitch}
          y={y}
          width={width}
          height={height}
        />
      )
    })}
  </svg>
)
