import type { StageView } from '../../domain/pipeline/run-view.ts'
import { stageName, stagePurpose } from '../names.ts'
import { duration, number, percent } from './format.ts'
import { Mark } from './mark.tsx'

const share = ({
  status,
  shardsDone,
  shardsTotal,
  inWork = 0,
}: Pick<StageView, 'status' | 'shardsDone' | 'shardsTotal' | 'inWork'>) =>
  status === 'completed'
    ? 1
    : shardsTotal === 0
      ? 0
      : Math.min(unfinished, (shardsDone + inWork) / shardsTotal)

/** What a stage that is not completed has done at most: nothing is whole before it says so. */
const unfinished = 0.999

/** Ingestion has cut the source in one go, and then reads the slices: by shards it would be done long before. */
const shareOfStage = (stage: StageView): number =>
  stage.stage === 'ingestion' &&
  stage.status === 'running' &&
  stage.shardsDone === stage.shardsTotal &&
  stage.in > 0
    ? Math.min(unfinished, stage.out / stage.in)
    : share(stage)

const value = (part: number): number => Math.round(part * 1000) / 10

/** What stands below a station once it has begun. */
function facts(stage: StageView, now: Date): [string, string][] {
  const rows: [string, string][] = [['Out', number(stage.out)]]
  if (stage.ratePerSecond !== undefined) rows.push(['Rate', `${number(stage.ratePerSecond)}/s`])
  if (stage.finishedAt !== null && stage.startedAt !== null) {
    rows.push(['Took', duration(stage.finishedAt.getTime() - stage.startedAt.getTime())])
  } else if (stage.startedAt !== null && stage.status === 'running') {
    rows.push(['For', duration(now.getTime() - stage.startedAt.getTime())])
  }
  const { shardsDone, shardsTotal } = stage
  rows.push([
    'Shards',
    shardsDone === shardsTotal ? number(shardsTotal) : `${number(shardsDone)} of ${number(shardsTotal)}`,
  ])
  rows.push(['Attempts', number(stage.attempts)])
  return rows
}

const Station = ({ stage, now }: { stage: StageView; now: Date }) => {
  const name = stageName[stage.stage]
  return (
    <li class="rail__stage" data-state={stage.status} id={`stage-${stage.stage}`}>
      <h3 class="rail__name">
        <Mark state={stage.status} />
        {name}
        <span class="vh">, {stage.status}</span>
        {stage.status === 'queued' ? null : <span class="rail__percent">{percent(shareOfStage(stage))}</span>}
      </h3>
      <progress max={100} value={value(shareOfStage(stage))} aria-label={name} />
      {stage.status === 'queued' ? (
        <p class="rail__why">{stagePurpose[stage.stage]}</p>
      ) : (
        <dl class="rail__facts">
          {facts(stage, now).map(([term, fact]) => (
            <>
              <dt>{term}</dt>
              <dd>{fact}</dd>
            </>
          ))}
        </dl>
      )}
    </li>
  )
}

/** The six stages as stations; the track between them is the progress. */
export const Rail = ({ stages, now }: { stages: readonly StageView[]; now: Date }) => (
  <ol class="rail">
    {stages.map((stage) => (
      <Station stage={stage} now={now} />
    ))}
  </ol>
)

type MiniStages = readonly Pick<StageView, 'stage' | 'status' | 'shardsDone' | 'shardsTotal' | 'inWork'>[]

/** The same in a cell of a table. */
export const MiniRail = ({ stages, of }: { stages: MiniStages; of: string }) => (
  <ol class="rail rail--mini" aria-label={`Stages of ${of}`}>
    {stages.map((stage) => (
      <li class="rail__stage" data-state={stage.status}>
        <progress
          max={100}
          value={value(share(stage))}
          aria-label={`${stageName[stage.stage]}, ${stage.status}`}
        />
      </li>
    ))}
  </ol>
)

/** Work done over all stages, by shards; null before there is a plan. */
export function overallShare(stages: MiniStages): number | null {
  const total = stages.reduce((sum, stage) => sum + stage.shardsTotal, 0)
  return total === 0 ? null : stages.reduce((sum, stage) => sum + share(stage) * stage.shardsTotal, 0) / total
}
