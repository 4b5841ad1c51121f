/** @jsxImportSource react */
import { useEffect, useState } from 'react'
import { signalboxClient } from '../../src/client/signalbox-client.ts'
import { type Reading, watchStatus } from './watch-status.ts'

/** The state of one flow in a page of your own. The portal has to name this site in STATUS_CORS_ORIGINS. */
export function StatusLamp({ baseUrl, token, flowId }: { baseUrl: string; token: string; flowId: string }) {
  const [reading, setReading] = useState<Reading>({ flow: undefined, isLive: false, problem: undefined })
  useEffect(() => {
    const ending = new AbortController()
    void watchStatus({ client: signalboxClient({ baseUrl, token }), flowId, show: setReading }, ending.signal)
    return () => ending.abort()
  }, [baseUrl, token, flowId])
  return <Lamp reading={reading} />
}

const marks = { HEALTHY: '✓', DEGRADED: '!', FAILED: '✕', UNKNOWN: '?' }

/** What a reading looks like: a mark and a word beside the colour, and no colour when it may be old. */
export function Lamp({ reading: { flow, isLive, problem } }: { reading: Reading }) {
  if (flow === undefined || !isLive) {
    return (
      <p className="lamp lamp-not-live" role="status">
        ? Not live{problem === undefined ? '' : `: ${problem.message}`}
      </p>
    )
  }
  const { state, sentence } = flow.summary
  return (
    <p className={`lamp lamp-${state.toLowerCase()}`} role="status">
      {marks[state]} {state}: {sentence}
    </p>
  )
}
