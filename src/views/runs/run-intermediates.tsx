import type { Child } from 'hono/jsx'
import type { Intermediates } from '../../domain/pipeline/intermediates.ts'
import type { RunView } from '../../domain/pipeline/run-view.ts'
import { day, exactTime } from '../components/format.ts'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { State } from '../components/state.tsx'

const Day = ({ at }: { at: Date }) => (
  <time datetime={at.toISOString()} title={exactTime(at)}>
    {day(at)}
  </time>
)

const states = {
  kept: <State state="completed" word="Kept" />,
  pinned: <State state="healthy" word="Pinned" />,
  removed: <State state="cancelled" word="Removed" />,
  resumable: <State state="completed" word="Kept" />,
} as const satisfies Record<Intermediates['state'], Child>

/** What follows the word. */
const Rest = ({ intermediates, now }: { intermediates: Intermediates; now: Date }) => {
  switch (intermediates.state) {
    case 'kept':
      return (
        <>
          until <Day at={intermediates.until} /> for runs that go on from this one, then removed. Exports,
          ledger, quarantine and events stay.
        </>
      )
    case 'pinned':
      return (
        <>
          by {intermediates.by}, <RelativeTime at={intermediates.at} now={now} />: kept until the pin is taken
          off.
        </>
      )
    case 'removed':
      return (
        <>
          on <Day at={intermediates.at} />. Exports, ledger, quarantine and events are still here; a run that
          goes on from this one makes its shards again.
        </>
      )
    case 'resumable':
      return <>so that the run can be resumed.</>
  }
}

const Pin = ({ run: { id, intermediates, canPin } }: { run: RunView }) => {
  const isPinned = intermediates?.state === 'pinned'
  if (canPin !== true || (intermediates?.state !== 'kept' && !isPinned)) return null
  return (
    <form class="actions" method="post" action={`/runs/${id}/pin${isPinned ? '/removal' : ''}`}>
      <button class="button button--s" id="pin" type="submit">
        {isPinned ? 'Take the pin off' : 'Pin'}
      </button>
    </form>
  )
}

/** What lies between the sources and the exports: how long it is kept, or that it is gone. */
export const RunIntermediates = ({ run }: { run: RunView }) =>
  run.intermediates === undefined ? null : (
    <Section id="intermediates" title="Intermediates" more={<Pin run={run} />}>
      <p>
        {states[run.intermediates.state]} <Rest intermediates={run.intermediates} now={run.now} />
      </p>
    </Section>
  )

/** What a run that goes on from another takes over of it. */
export const takenOverOf = ({ intermediates }: Pick<RunView, 'intermediates'>): string =>
  intermediates?.state === 'removed'
    ? `The intermediates of that run were removed on ${day(intermediates.at)}, so all shards are made again, unless another run left the same results.`
    : takenOver

/** Said wherever a run goes on from another. */
export const takenOver = 'Results of shards that nothing changed for are taken over, not made again.'
