import type { Mistake } from '../../domain/flows/configuration/located.ts'
import { Empty } from '../components/empty.tsx'
import { number } from '../components/format.ts'
import { State } from '../components/state.tsx'
import { Table } from '../components/table.tsx'

interface Props {
  mistakes: readonly Mistake[]
  /** The text they are in, of which their lines are quoted. */
  text: string
  labelledBy: string
  /** Where a line can be seen in full. */
  lineHref?: (line: number) => string
}

/** More than anybody mends at once. */
const mostShown = 200

/** All mistakes of a file, each with its place, what is wrong, and the line itself. */
export const MistakeTable = ({ mistakes, text, labelledBy, lineHref }: Props) => {
  const lines = text.split('\n')
  const shown = mistakes.slice(0, mostShown)
  return (
    <>
      <Table labelledBy={labelledBy}>
        <thead>
          <tr>
            <th scope="col">Line</th>
            <th scope="col">Kind</th>
            <th scope="col">What is wrong</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((mistake) => (
            <tr data-state={mistake.severity === 'error' ? 'failed' : 'degraded'}>
              <th scope="row" class="num nowrap">
                {lineHref === undefined ? (
                  `${mistake.line}:${mistake.column}`
                ) : (
                  <a href={lineHref(mistake.line)}>{`${mistake.line}:${mistake.column}`}</a>
                )}
              </th>
              <td>
                {mistake.severity === 'error' ? (
                  <State state="failed" word="Error" />
                ) : (
                  <State state="degraded" word="Warning" />
                )}
              </td>
              <td>
                <MistakeText mistake={mistake} />
                <code class="sub mistake__line">{(lines[mistake.line - 1] ?? '').trim().slice(0, 200)}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
      {shown.length === mistakes.length ? null : (
        <Empty>{`and ${number(mistakes.length - shown.length)} more. Mend these first.`}</Empty>
      )}
    </>
  )
}

export const MistakeText = ({ mistake: { path, message, suggestion } }: { mistake: Mistake }) => (
  <>
    {path === '' ? null : <span class="id">{path} </span>}
    {message}
    {suggestion === undefined ? null : (
      <>
        {' '}
        Did you mean <b>{suggestion}</b>?
      </>
    )}
  </>
)
