import { reasonSentence } from '../../domain/pipeline/reasons.ts'
import type { Stage } from '../../domain/pipeline/run.ts'
import type { RunSummary } from '../../domain/pipeline/run-view.ts'
import { number, plural } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { quarantineHref } from './run-quarantine.tsx'
import { runTitle } from './run-table.tsx'

interface Props extends Frame {
  run: Pick<RunSummary, 'id' | 'datasets'>
  stage: Stage
  reason: string
  /** Of the records looked at, how many a repair can be proposed for; the rest of the reason is `left`. */
  looked: number
  repairable: number
  left: number
  /** Where an earlier action stopped, as it stands in the address. */
  after: string | undefined
  /** Where this one would. */
  last: string | undefined
}

/** `GET /runs/:id/quarantine/repairs`: asks before many records are repaired at once. */
export const QuarantineRepairsPage = ({ run, stage, reason, looked, repairable, left, ...rest }: Props) => {
  const { after, last, ...frame } = rest
  const { title } = reasonSentence(reason)
  const list = quarantineHref(run.id, { stage, reason })
  const onward = new URLSearchParams({ stage, reason, after: last ?? '' })
  return (
    <Shell frame={frame} title={`Repair: ${title}`} place="runs">
      <PageHead
        title={`Repair: ${title}`}
        crumbs={[
          { text: 'Runs', href: '/runs' },
          { text: runTitle(run.datasets), href: `/runs/${run.id}` },
          { text: 'Quarantine', href: `/runs/${run.id}/quarantine` },
          { text: title, href: list },
        ]}
      />
      <div class="stack stack--s">
        <p>
          <b>{`${number(repairable)} of ${plural(looked, 'record')} can be repaired.`}</b> Only how they are
          written changes; every word stays, and so does the file. Each repair can be taken back.
        </p>
        {repairable === looked ? null : (
          <p class="quiet">The others would need a guess, so they are left for a person.</p>
        )}
        {left === 0 ? null : (
          <p class="quiet">{`${plural(left, 'more record')} of this reason: one action looks at 10,000 at most.`}</p>
        )}
      </div>
      <div class="section actions">
        {repairable === 0 ? null : (
          <form method="post" action={`/runs/${run.id}/quarantine/repairs`}>
            <input type="hidden" name="stage" value={stage} />
            <input type="hidden" name="reason" value={reason} />
            {after === undefined ? null : <input type="hidden" name="after" value={after} />}
            <button class="button button--primary" type="submit">
              Repair {plural(repairable, 'record')}
            </button>
          </form>
        )}
        {repairable > 0 || left === 0 ? null : (
          <a class="button" href={`/runs/${run.id}/quarantine/repairs?${onward}`}>
            Look at the next ones
          </a>
        )}
        <a class="button button--quiet" href={list}>
          Cancel
        </a>
      </div>
    </Shell>
  )
}
