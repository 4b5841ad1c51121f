import type { RunView } from '../../domain/pipeline/run-view.ts'
import { Facts } from '../components/facts.tsx'
import { type Figure, Figures } from '../components/figures.tsx'
import { exactTime, number, percent, plural } from '../components/format.ts'
import { Ledger } from '../components/ledger.tsx'
import { Mark } from '../components/mark.tsx'
import { Notice } from '../components/notice.tsx'
import { Rail } from '../components/rail.tsx'
import { Section } from '../components/section.tsx'
import { configurationFields, configurationLabels, configurationWords } from './configuration-words.ts'
import { progressSentence } from './progress-word.tsx'
import { RunExports } from './run-exports.tsx'
import { RunHead } from './run-head.tsx'
import { RunIntermediates } from './run-intermediates.tsx'
import { RunLineage } from './run-lineage.tsx'
import { RunQuality } from './run-quality.tsx'
import { quarantineHref, RunQuarantine } from './run-quarantine.tsx'
import { RunWork } from './run-work.tsx'
import { timeLeftText } from './time-left.ts'

/** Whether a run can still change. */
export const isOver = ({ status }: RunView): boolean =>
  status === 'completed' || status === 'failed' || status === 'cancelled'

function figures(run: RunView): Figure[] {
  const total = run.recordsTotal
  const quarantined = run.ledger.reduce((sum, row) => sum + row.quarantined, 0)
  const duplicate = run.ledger.reduce((sum, row) => sum + row.duplicate, 0)
  const share = (part: number) => (total === null || total === 0 ? undefined : percent(part / total))
  const working = run.stages.filter(({ status }) => status === 'running')
  const rate = working.map(({ ratePerSecond }) => ratePerSecond).filter((value) => value !== undefined)
  const left = working
    .flatMap((stage) => stage.left ?? [])
    .reduce((last, each) => (each.to > last.to ? each : last), { from: 0, to: 0 })
  return [
    {
      label: 'Records in the source',
      value: total === null ? 'counting' : number(total),
      more:
        run.sourceUnits.in === 0 || run.sourceUnits.in === total
          ? undefined
          : `from ${plural(run.sourceUnits.in, 'row')}`,
    },
    { label: 'Accepted', value: number(run.quality.accepted), more: share(run.quality.accepted) },
    { label: 'Quarantined', value: number(quarantined), more: share(quarantined) },
    { label: 'Rejected', value: number(run.quality.rejected), more: share(run.quality.rejected) },
    { label: 'Duplicate', value: number(duplicate), more: share(duplicate) },
    ...(rate.length === 0
      ? []
      : [{ label: 'Throughput', value: number(Math.min(...rate)), more: 'records/s' }]),
    ...(left.to === 0 ? [] : [{ label: 'Time left', value: timeLeftText(left) }]),
  ]
}

/** One sentence for screen readers; the script says it aloud when it changes. */
function milestone(run: RunView): string {
  const done = run.stages.filter(({ status }) => status === 'completed').length
  const word = run.progress === undefined ? '' : ` and ${run.progress.kind}`
  return `Run is ${run.status}${word}, ${done} of ${run.stages.length} stages completed.`
}

/** What a run over several datasets reads, in its order. */
const Datasets = ({ datasets }: Pick<RunView, 'datasets'>) => (
  <Section id="datasets" title="Datasets" count={number(datasets.length)} note="read in this order">
    <ol class="numbered">
      {datasets.map(({ id, name }) => (
        <li>
          <a href={`/datasets/${id}`}>{name}</a> <span class="id">{id}</span>
        </li>
      ))}
    </ol>
  </Section>
)

const Configuration = ({ run: { configuration, priority } }: { run: RunView }) => (
  <Section id="configuration" title="Configuration" note="never changes">
    <Facts
      facts={[
        ...configurationFields.map((field) => ({
          label: configurationLabels[field],
          value: configurationWords(field, configuration),
        })),
        ...(priority === 0 ? [] : [{ label: 'Priority', value: String(priority) }]),
      ]}
    />
  </Section>
)

const Events = ({ runId, events }: { runId: string; events: NonNullable<RunView['events']> }) => (
  <Section
    id="events"
    title="Events"
    note="times in UTC"
    more={
      <a class="section__more" href={`/runs/${runId}/history`}>
        All events
      </a>
    }
  >
    <ol class="events">
      {events.map(({ at, text, state }) => (
        <li>
          <time datetime={at.toISOString()} title={exactTime(at)}>
            {at.toISOString().slice(11, 19)}
          </time>
          {/* What is no state has no mark: the dashed circle means queued. */}
          {state === undefined ? <span /> : <Mark state={state} />}
          <span>{text}</span>
        </li>
      ))}
    </ol>
  </Section>
)

/** Everything of a run's page that changes while it runs; also the fragment the stream and the poll send. */
export const RunLive = ({ run }: { run: RunView }) => (
  <>
    <RunHead run={run} />
    <p class="vh" data-announce>
      {milestone(run)}
    </p>
    {run.progress === undefined ? null : <p class="progress-why">{progressSentence(run.progress)}</p>}
    {run.problem === undefined ? null : (
      <div class="notices">
        <Notice state="failed">{run.problem}</Notice>
      </div>
    )}
    {run.staleAt === undefined ? null : (
      <div class="notices">
        <Notice state="degraded">
          Stale: records were removed from its sources on {exactTime(run.staleAt)}, and everything it made
          went with them. What stands here only tells what was done.{' '}
          {run.canRunAgain === true ? <a href={`/runs/${run.id}/again`}>Run it again</a> : null}
        </Notice>
      </div>
    )}
    <Figures figures={figures(run)} />
    <section class="section" aria-labelledby="stages">
      <h2 class="vh" id="stages">
        Stages
      </h2>
      <Rail stages={run.stages} now={run.now} />
    </section>
    <RunWork run={run} />
    <div class="split">
      <div>
        <Section
          id="ledger"
          title="Ledger"
          note="every record is in exactly one column; a run whose ledger does not sum cannot complete"
        >
          <Ledger
            ledger={run.ledger}
            stages={run.stages}
            quarantineHref={(stage) => quarantineHref(run.id, { stage })}
          />
        </Section>
        <RunQuarantine runId={run.id} reasons={run.quarantineByReason} over={isOver(run)} />
        <RunExports runId={run.id} exports={run.exports} />
      </div>
      <div>
        <RunQuality quality={run.quality} threshold={run.configuration.threshold} />
        {run.datasets.length < 2 ? null : <Datasets datasets={run.datasets} />}
        <Configuration run={run} />
        <RunIntermediates run={run} />
        <RunLineage run={run} />
        {run.events === undefined || run.events.length === 0 ? null : (
          <Events runId={run.id} events={run.events} />
        )}
      </div>
    </div>
  </>
)
