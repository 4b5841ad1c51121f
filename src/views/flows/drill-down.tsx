import type { ResultRow } from '../../domain/flows/checks/check-result.ts'
import type { Page } from '../../domain/pipeline/run-view.ts'
import { Empty } from '../components/empty.tsx'
import { exactTime, number } from '../components/format.ts'
import { Pager } from '../components/pager.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { Table } from '../components/table.tsx'

/** What a check that lists results found last: one row a file and algorithm, or whatever its columns say. */
export interface Results {
  readonly check: string
  readonly columns: readonly string[]
  /** undefined: the check has not brought any rows yet. */
  readonly found: Page<ResultRow> | undefined
  /** When they were read. */
  readonly at: number | undefined
  readonly q: string
  /** Address of the page they stand on. */
  readonly path: string
}

export const DrillDown = ({ results, now }: { results: Results; now: Date }) => {
  const { check, columns, found, at, q, path } = results
  return (
    <Section
      id="results"
      title="Results"
      count={found === undefined ? undefined : number(found.total)}
      note={
        <>
          of <a href={`#check-${check}`}>{check}</a>
          {at === undefined ? null : (
            <>
              , read <RelativeTime at={new Date(at)} now={now} />
            </>
          )}
        </>
      }
    >
      <form class="toolbar" aria-label="Filter results" action={`${path}#results`}>
        <label for="q">Holds</label>
        <input
          class="input"
          id="q"
          name="q"
          type="search"
          value={q}
          maxlength={200}
          placeholder="File, algorithm, status"
        />
        <button class="button" type="submit">
          Filter
        </button>
      </form>
      {found === undefined ? (
        <Empty>The check has not brought any rows yet.</Empty>
      ) : found.rows.length === 0 ? (
        <Empty>
          {q === '' ? 'It found no rows.' : `No row holds “${q}”. `}
          {q === '' ? null : <a href={`${path}#results`}>Show all</a>}
        </Empty>
      ) : (
        <Table labelledBy="results" kind="table--dense">
          <thead>
            <tr>
              {columns.map((column) => (
                <th scope="col" class={typeof found.rows[0]?.[column] === 'number' ? 'num' : undefined}>
                  {titleOf(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.rows.map((row) => (
              <tr>
                {columns.map((column, index) => {
                  const cell = <Cell value={row[column]} />
                  return index === 0 ? (
                    <th scope="row" class="mono evidence">
                      {cell}
                    </th>
                  ) : (
                    <td class={typeof row[column] === 'number' ? 'num' : undefined}>{cell}</td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </Table>
      )}
      {found === undefined ? null : (
        <Pager page={found} path={path} query={{ q: q === '' ? undefined : q }} />
      )}
    </Section>
  )
}

const titleOf = (column: string): string => {
  const words = column.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const timestamp = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)$/

/** Times are said as times: when a file came, when an algorithm finished. */
const Cell = ({ value }: { value: string | number | null | undefined }) => {
  if (value === null || value === undefined) return <span class="muted">none</span>
  if (typeof value === 'string' && timestamp.test(value)) {
    const at = new Date(value.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'))
    if (!Number.isNaN(at.getTime())) return <time datetime={at.toISOString()}>{exactTime(at)}</time>
  }
  return <>{typeof value === 'number' ? String(value) : value}</>
}
