import { reasonSentence } from '../../domain/pipeline/reasons.ts'
import type { QuarantineReason } from '../../domain/pipeline/run-view.ts'
import { Empty } from '../components/empty.tsx'
import { number } from '../components/format.ts'
import { Section } from '../components/section.tsx'
import { Count, Table } from '../components/table.tsx'
import { stageName } from '../names.ts'

interface Props {
  runId: string
  reasons: readonly QuarantineReason[]
  /** Whether anything more can still arrive. */
  over: boolean
}

/** Where the first record of a reason stands. */
export const place = (line: number | null, ordinal: number): string =>
  line === null ? `record ${number(ordinal)}` : `line ${number(line)}`

/** Address of the list of quarantined records, with its filters. */
export function quarantineHref(runId: string, filter: { stage?: string; reason?: string }): string {
  const query = new URLSearchParams(filter).toString()
  return `/runs/${runId}/quarantine${query === '' ? '' : `?${query}`}`
}

/** What could not be carried along, by reason, with what to do about it. */
export const RunQuarantine = ({ runId, reasons, over }: Props) => {
  const total = reasons.reduce((sum, { count }) => sum + count, 0)
  return (
    <Section
      id="quarantine"
      title="Quarantine by reason"
      count={number(total)}
      more={
        total === 0 ? undefined : (
          <a class="section__more" href={`/runs/${runId}/quarantine`}>
            All records
          </a>
        )
      }
    >
      {reasons.length === 0 ? (
        <Empty>{over ? 'Nothing was quarantined: every record could be read.' : 'Nothing so far.'}</Empty>
      ) : (
        <Table labelledBy="quarantine">
          <thead>
            <tr>
              <th scope="col">Reason</th>
              <th scope="col">Stage</th>
              <th scope="col" class="num">
                Records
              </th>
              <th scope="col">First at</th>
            </tr>
          </thead>
          <tbody>
            {reasons.map(({ reason, stage, count, first }) => {
              const { title, todo } = reasonSentence(reason)
              return (
                <tr>
                  <th scope="row" class="main-cell">
                    <a href={quarantineHref(runId, { stage, reason })}>{title}</a>{' '}
                    <span class="id">{reason}</span>
                    <span class="sub">{todo}</span>
                  </th>
                  <td>{stageName[stage]}</td>
                  <Count value={count} />
                  <td class="quiet nowrap">{place(first.line, first.ordinal)}</td>
                </tr>
              )
            })}
          </tbody>
        </Table>
      )}
    </Section>
  )
}
