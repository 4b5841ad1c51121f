import { firstError } from '../../domain/flows/configuration/located.ts'
import type { DiagramStates } from '../../domain/flows/diagram/diagram-states.ts'
import type { FlowPicture, SchedulerState } from '../../domain/flows/monitor/flow-monitor.ts'
import { number, plural } from '../components/format.ts'
import { Notice } from '../components/notice.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { Plate } from '../components/state.tsx'
import { DrawingFrame, type Drawn, StatesForDrawing } from './flow-drawing.tsx'
import { markOfState } from './process-state.tsx'
import { ProcessTable, type Sorting } from './process-table.tsx'

export interface FlowLiveProps {
  picture: FlowPicture
  states: DiagramStates
  scheduler: SchedulerState
  /** undefined: in the stream, which leaves the drawing alone. */
  drawn?: Drawn | undefined
  sorting: Sorting
  hrefOf: (sorting: Sorting) => string
  now: Date
}

/** Everything of a flow's page that changes; also the fragment the stream and the poll send. */
export const FlowLive = ({ picture, states, scheduler, drawn, sorting, hrefOf, now }: FlowLiveProps) => {
  const { watched, assessment } = picture
  return (
    <>
      <div class="flow-headline" data-state={markOfState[assessment.state]} role="status" aria-live="off">
        <Plate state={markOfState[assessment.state]} />
        <p data-announce>{assessment.sentence}</p>
      </div>
      <Warnings picture={picture} scheduler={scheduler} now={now} />
      <DrawingFrame flowId={watched.id} hash={watched.hash} drawn={drawn} />
      <StatesForDrawing hash={watched.hash} states={states} />
      <Section
        id="processes"
        title="Processes"
        count={number(assessment.processes.length)}
        note={`${plural(watched.flow.checks.length, 'check')}, loaded ${new Date(watched.loadedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`}
      >
        <ProcessTable picture={picture} sorting={sorting} hrefOf={hrefOf} now={now} />
      </Section>
    </>
  )
}

const Warnings = ({
  picture: { watched },
  scheduler,
  now,
}: Pick<FlowLiveProps, 'picture' | 'scheduler' | 'now'>) => {
  const mistake = firstError(watched.refused?.mistakes ?? [])
  if (!scheduler.isStalled && watched.refused === undefined) return null
  return (
    <div class="notices">
      {scheduler.isStalled ? (
        <Notice state="failed">
          The checks do not run at the moment
          {scheduler.seenAt === undefined ? (
            '; no process has begun to run them'
          ) : (
            <>
              ; they were last heard of <RelativeTime at={new Date(scheduler.seenAt)} now={now} />
            </>
          )}
          . What stands here is as old as that.
        </Notice>
      ) : null}
      {watched.refused === undefined ? null : (
        <Notice state="degraded" actions={<a href={`/flows/${watched.id}/configuration`}>All mistakes</a>}>
          A newer configuration was refused, so the one before goes on
          {mistake === undefined
            ? '.'
            : `: line ${mistake.line}, ${mistake.path === '' ? '' : `${mistake.path}: `}${mistake.message}`}
          {mistake?.suggestion === undefined ? null : ` Did you mean ${mistake.suggestion}?`}
        </Notice>
      )}
    </div>
  )
}
