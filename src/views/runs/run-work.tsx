import type { RunView, StageView, WorkingShard } from '../../domain/pipeline/run-view.ts'
import { duration, number, plural } from '../components/format.ts'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { Table } from '../components/table.tsx'
import { stageName } from '../names.ts'
import { timeLeftText } from './time-left.ts'

const Unknown = ({ word = 'not yet known' }: { word?: string }) => <span class="muted">{word}</span>

/** "1 waits 4 s for its retry": apart from the attempts, because nothing is done meanwhile. */
function waitingText({ waiting }: StageView): string | null {
  if (waiting === undefined) return null
  const time = duration(Math.ceil(waiting.seconds) * 1000)
  return waiting.shards === 1
    ? `1 waits ${time} for its retry`
    : `${number(waiting.shards)} wait for their retry, the first ${time}`
}

function attemptsText({ attempts, retried, lost }: StageView): string {
  const parts = [
    retried === 0 ? null : `${number(retried)} retried`,
    lost === 0 ? null : `${number(lost)} lost with their worker`,
  ].filter((part) => part !== null)
  return parts.length === 0 ? number(attempts) : `${number(attempts)}, ${parts.join(', ')}`
}

/** Stages that are worked together in one call have their shards in common: one row. */
function groups(stages: readonly StageView[], isFused: boolean): [StageView, ...StageView[]][] {
  const found: [StageView, ...StageView[]][] = []
  for (const stage of stages) {
    const together = isFused ? found.find(([first]) => first.stage === 'standardization') : undefined
    const belongs = stage.stage === 'validation' || stage.stage === 'processing'
    if (together !== undefined && belongs) together.push(stage)
    else found.push([stage])
  }
  return found
}

const Row = ({ stages: [stage, ...others] }: { stages: [StageView, ...StageView[]] }) => {
  const waiting = waitingText(stage)
  return (
    <tr>
      <th scope="row">
        {[stageName[stage.stage], ...others.map((each) => stageName[each.stage].toLowerCase())].join(', ')}
      </th>
      <td class="num" data-label="Shards">
        {number(stage.shardsDone)} of {number(stage.shardsTotal)}
      </td>
      <td class="num" data-label="Rate">
        {stage.ratePerSecond === undefined ? <Unknown /> : `${number(stage.ratePerSecond)} records/s`}
      </td>
      <td class="num" data-label="Time left">
        {stage.left === undefined ? <Unknown /> : timeLeftText(stage.left)}
      </td>
      <td class="wide" data-label="Attempts">
        {attemptsText(stage)}
        {waiting === null ? null : <span class="sub">{waiting}</span>}
      </td>
    </tr>
  )
}

const Working = ({ shard: { stage, index, of, attempt, seconds } }: { shard: WorkingShard }) => (
  <li>
    {stageName[stage]}: shard {number(index + 1)} of {number(of)}, attempt {number(attempt)},{' '}
    {duration(Math.floor(seconds) * 1000 || seconds * 1000)}
  </li>
)

/** What is being done now, and how long it will take; only while something can be. */
export const RunWork = ({ run }: { run: RunView }) => {
  const running = run.stages.filter(({ status }) => status === 'running')
  if (running.length === 0) return null
  return (
    <Section
      id="work"
      title="At work"
      note={
        run.lastProgressAt === null ? (
          'no progress yet'
        ) : (
          <>
            last progress <RelativeTime at={run.lastProgressAt} now={run.now} />
          </>
        )
      }
    >
      <Table labelledBy="work" kind="table--stack">
        <thead>
          <tr>
            <th scope="col">Stage</th>
            <th scope="col" class="num">
              Shards
            </th>
            <th scope="col" class="num">
              Rate
            </th>
            <th scope="col" class="num">
              Time left
            </th>
            <th scope="col">Attempts</th>
          </tr>
        </thead>
        <tbody>
          {groups(running, run.mode !== 'sequential').map((stages) => (
            <Row stages={stages} />
          ))}
        </tbody>
      </Table>
      {run.working.length === 0 ? (
        <p class="quiet">No worker has a shard of this run in hand.</p>
      ) : (
        <ul class="bullets working">
          {run.working.map((shard) => (
            <Working shard={shard} />
          ))}
          {run.workingMore === 0 ? null : <li>and {plural(run.workingMore, 'more shard')}</li>}
        </ul>
      )}
    </Section>
  )
}
