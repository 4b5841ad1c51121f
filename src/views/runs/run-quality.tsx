import type { RunQuality as Quality } from '../../domain/pipeline/run-view.ts'
import { Empty } from '../components/empty.tsx'
import { Facts } from '../components/facts.tsx'
import { number, percent, score } from '../components/format.ts'
import { Section } from '../components/section.tsx'
import { Count, Table } from '../components/table.tsx'

/** Score, verdicts and what the checks found, the most frequent first. */
export const RunQuality = ({ quality, threshold }: { quality: Quality; threshold: number }) => {
  const findings = Object.entries(quality.findings).sort(
    ([ruleA, a], [ruleB, b]) => b - a || ruleA.localeCompare(ruleB, 'en'),
  )
  const judged = quality.accepted + quality.rejected
  const share = (part: number) => (judged === 0 ? '' : ` (${percent(part / judged)})`)
  return (
    <Section id="quality" title="Quality">
      <Facts
        facts={[
          {
            label: 'Mean score',
            value: quality.meanScore === null ? <span class="muted">pending</span> : score(quality.meanScore),
          },
          { label: 'Threshold', value: score(threshold) },
          { label: 'Accepted', value: `${number(quality.accepted)}${share(quality.accepted)}` },
          { label: 'Rejected', value: `${number(quality.rejected)}${share(quality.rejected)}` },
        ]}
      />
      {findings.length === 0 ? (
        <Empty>{judged === 0 ? 'No findings yet.' : 'The checks found nothing.'}</Empty>
      ) : (
        <Table labelledBy="quality" kind="table--dense">
          <thead>
            <tr>
              <th scope="col">Finding</th>
              <th scope="col" class="num">
                Times
              </th>
            </tr>
          </thead>
          <tbody>
            {findings.map(([rule, count]) => (
              <tr>
                <th scope="row" class="mono">
                  {rule}
                </th>
                <Count value={count} />
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </Section>
  )
}
