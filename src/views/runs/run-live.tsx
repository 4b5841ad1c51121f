import type { RunView } from '../../domain/pipeline/run-view.ts'
import { Facts } from '../components/facts.tsx'
import { type Figure, Figures } from '../components/figures.tsx'
import { duration, exactTime, number, percent, plural, score } from '../components/format.ts'
import { Ledger } from '../components/ledger.tsx'
import { Mark } from '../components/mark.tsx'
import { Notice } from '../components/notice.tsx'
import { Rail } from '../components/rail.tsx'
import { Section } from '../components/section.tsx'
import { formatName, modeName, redactionName, targetName } from '../names.ts'
import { RunExports } from './run-exports.tsx'
import { RunHead } from './run-head.tsx'
import { RunQuality } from './run-quality.tsx'
import { quarantineHref, RunQuarantine } from './run-quarantine.tsx'

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
  const left = working.map(({ secondsLeft }) => secondsLeft).filter((value) => value !== undefined)
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
    ...(left.length === 0
      ? []
      : [{ label: 'Time left', value: duration(Math.max(...left) * 1000), more: 'about' }]),
  ]
}

/** One sentence for screen readers; the script says it aloud when it changes. */
function milestone(run: RunView): string {
  const done = run.stages.filter(({ status }) => status === 'completed').length
  return `Run is ${run.status}, ${done} of ${run.stages.length} stages completed.`
}

const Configuration = ({ run: { configuration: it } }: { run: RunView }) => (
  <Section id="configuration" title="Configuration" note="never changes">
    <Facts
      facts={[
        { label: 'Mode', value: modeName[it.mode] },
        { label: 'Threshold', value: score(it.threshold) },
        { label: 'Checks', value: typeof it.checks === 'string' ? it.checks : it.checks.join(', ') },
        {
          label: 'Redacted',
          value: it.redact.length === 0 ? 'nothing' : it.redact.map((kind) => redactionName[kind]).join(', '),
        },
        { label: 'Targets', value: it.targets.map((target) => targetName[target]).join(', ') },
        { label: 'Formats', value: it.formats.map((format) => formatName[format]).join(', ') },
      ]}
    />
  </Section>
)

const Events = ({ events }: { events: NonNullable<RunView['events']> }) => (
  <Section id="events" title="Events">
    <ol class="events">
      {events.map(({ at, text, state }) => (
        <li>
          <time datetime={at.toISOString()} title={exactTime(at)}>
            {at.toISOString().slice(11, 19)}
          </time>
          <Mark state={state ?? 'queued'} />
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
    {run.problem === undefined ? null : (
      <div class="notices">
        <Notice state="failed">{run.problem}</Notice>
      </div>
    )}
    <Figures figures={figures(run)} />
    <section class="section" aria-labelledby="stages">
      <h2 class="vh" id="stages">
        Stages
      </h2>
      <Rail stages={run.stages} now={run.now} />
    </section>
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
        <Configuration run={run} />
        {run.events === undefined || run.events.length === 0 ? null : <Events events={run.events} />}
      </div>
    </div>
  </>
)
