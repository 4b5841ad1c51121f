/** What a mark can say. Shape, sign and colour always go with a word beside it. */
export type MarkState =
  | 'healthy'
  | 'completed'
  | 'degraded'
  | 'failed'
  | 'unknown'
  | 'running'
  | 'queued'
  | 'cancelled'
  | 'waits'
  | 'at-risk'

const Tick = () => <path class="mark__sign" d="m4.9 8.3 2.2 2.2 4-4.6" />
const Disc = ({ radius }: { radius: number }) => <circle class="mark__shape" cx="8" cy="8" r={radius} />

const Drawing = ({ of }: { of: MarkState }) => {
  switch (of) {
    case 'healthy':
    case 'completed':
      return (
        <>
          <Disc radius={7} />
          <Tick />
        </>
      )
    case 'degraded':
      return (
        <>
          <path class="mark__shape" d="M8 .9 15.6 14.6H.4Z" />
          <path class="mark__sign" d="M8 6.2v3.2M8 12.1v.1" />
        </>
      )
    case 'failed':
      return (
        <>
          <rect class="mark__shape" x="1" y="1" width="14" height="14" rx="1" />
          <path class="mark__sign" d="m5.2 5.2 5.6 5.6m0-5.6-5.6 5.6" />
        </>
      )
    case 'unknown':
      return (
        <>
          <path class="mark__shape" d="M8 .2 15.8 8 8 15.8.2 8Z" />
          <path class="mark__sign" d="M6.1 6.5a1.95 1.95 0 1 1 2.9 1.6c-.7.4-1 .7-1 1.2M8 11.6v.1" />
        </>
      )
    case 'running':
      return (
        <>
          <Disc radius={7} />
          <path class="mark__sign" d="m6.6 5.3 3.5 2.7-3.5 2.7" />
        </>
      )
    case 'queued':
      return <Disc radius={6} />
    case 'waits':
      return (
        <>
          <rect class="mark__shape" x="1.9" y="1.9" width="12.2" height="12.2" rx="1" />
          <path class="mark__sign" d="M6.2 5.4v5.2M9.8 5.4v5.2" />
        </>
      )
    case 'at-risk':
      return (
        <>
          <Disc radius={6.1} />
          <path class="mark__sign" d="M8 4.7V8l2.2 1.5" />
        </>
      )
    case 'cancelled':
      return (
        <>
          <Disc radius={6} />
          <path class="mark__sign" d="m4 12 8-8" />
        </>
      )
  }
}

/** The small drawing of a state; hidden from screen readers, because the word beside it says the same. */
export const Mark = ({ state }: { state: MarkState }) => (
  <svg class={`mark mark--${state}`} viewBox="0 0 16 16" aria-hidden="true">
    <Drawing of={state} />
  </svg>
)
