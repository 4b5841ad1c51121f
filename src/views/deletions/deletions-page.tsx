import { type Deletion, objectsOf } from '../../domain/deletion/deletion.ts'
import type { Page } from '../../domain/pipeline/run-view.ts'
import { AdminTabs } from '../admin/admin-tabs.tsx'
import { Empty } from '../components/empty.tsx'
import { number } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { Pager } from '../components/pager.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { State } from '../components/state.tsx'
import { Count, Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { deletionState, deletionWord, subjectOf } from './deletion-words.ts'

interface Props extends Frame {
  deletions: Page<Deletion>
  now: Date
}

/** `GET /admin/deletions`: all for administrators, one's own for others. */
export const DeletionsPage = ({ deletions, now, ...frame }: Props) => (
  <Shell frame={frame} title="Deletions" place="admin">
    <PageHead title="Deletions" count={number(deletions.total)} />
    <AdminTabs current="deletions" role={frame.viewer?.role} />
    <Section id="deletions" title="What was deleted" note="Each leads to its certificate.">
      {deletions.rows.length === 0 ? (
        <Empty>
          {deletions.total === 0
            ? 'Nothing was deleted yet. A dataset is deleted from its own page.'
            : 'Nothing is on this page: there are fewer deletions.'}
        </Empty>
      ) : (
        <Table labelledBy="deletions" kind="table--stack">
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">State</th>
              <th scope="col">Asked for by</th>
              <th scope="col">When</th>
              <th scope="col" class="num">
                Objects removed
              </th>
            </tr>
          </thead>
          <tbody>
            {deletions.rows.map((deletion) => (
              <tr>
                <th scope="row" class="main-cell">
                  <a href={`/admin/deletions/${deletion.id}`}>{subjectOf(deletion)}</a>
                </th>
                <td data-label="State">
                  <State state={deletionState(deletion)} word={deletionWord(deletion)} />
                </td>
                <td data-label="Asked for by">
                  {deletion.requestedBy.name}
                  {deletion.reason === 'retention' ? <small class="muted"> (retention)</small> : null}
                </td>
                <td data-label="When">
                  <RelativeTime at={deletion.requestedAt} now={now} />
                </td>
                <Count value={objectsOf(deletion)} label="Objects removed" />
              </tr>
            ))}
          </tbody>
        </Table>
      )}
      <Pager page={deletions} path="/admin/deletions" />
    </Section>
  </Shell>
)
