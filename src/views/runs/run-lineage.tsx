import { configurationDifference } from '../../domain/pipeline/configuration-difference.ts'
import type { RunConfiguration } from '../../domain/pipeline/run.ts'
import type { RunView } from '../../domain/pipeline/run-view.ts'
import { number } from '../components/format.ts'
import { Section } from '../components/section.tsx'
import { Table } from '../components/table.tsx'
import { configurationLabels, configurationWords } from './configuration-words.ts'
import { takenOver } from './run-intermediates.tsx'

const RunLink = ({ id }: { id: string }) => (
  <a class="id" href={`/runs/${id}`}>
    {id}
  </a>
)

/** Field by field what a run does otherwise than the one before it. */
const Difference = ({ before, after }: { before: RunConfiguration; after: RunConfiguration }) => {
  const changes = configurationDifference(before, after, configurationWords)
  return changes.length === 0 ? (
    <p class="quiet">Configured alike.</p>
  ) : (
    <Table labelledBy="lineage" kind="table--dense">
      <thead>
        <tr>
          <th scope="col">Changed</th>
          <th scope="col">Before</th>
          <th scope="col">Now</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((change) => (
          <tr>
            <th scope="row">{configurationLabels[change.field]}</th>
            <td>{change.before}</td>
            <td>{change.after}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  )
}

/** What a run has to do with others: where it goes on from, what it took over, what goes on from it. */
export const RunLineage = ({
  run: { parent, followers, reused, recordShards, configuration },
}: {
  run: RunView
}) =>
  parent === undefined && followers.length === 0 && reused.length === 0 ? null : (
    <Section id="lineage" title="Other runs">
      <div class="lineage">
        {parent === undefined ? null : (
          <>
            <p>
              Goes on from run <RunLink id={parent.id} />. <span class="quiet">{takenOver}</span>
            </p>
            <Difference before={parent.configuration} after={configuration} />
          </>
        )}
        {reused.map(({ id, shards, isVisible }) => (
          <p>
            {number(shards)} of {number(recordShards)} {recordShards === 1 ? 'shard' : 'shards'} taken over
            from run {isVisible ? <RunLink id={id} /> : <span class="id">{id}</span>}
          </p>
        ))}
        {followers.length === 0 ? null : (
          <p>
            Continued by{' '}
            {followers.map((id, at) => (
              <>
                {at === 0 ? '' : ', '}
                <RunLink id={id} />
              </>
            ))}
          </p>
        )}
      </div>
    </Section>
  )
