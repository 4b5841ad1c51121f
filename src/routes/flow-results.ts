import { z } from 'zod'
import type { ResultRow } from '../domain/flows/checks/check-result.ts'
import type { Flow, Process } from '../domain/flows/flow.ts'
import type { FlowHistory } from '../domain/flows/monitor/flow-history.ts'
import type { Results } from '../views/flows/drill-down.tsx'
import { processHref } from './flow-drawing.ts'

const Query = z.object({
  q: z.string().trim().max(200).catch(''),
  page: z.coerce.number().int().min(1).max(100_000).catch(1),
})
const size = 50

/** The results that a process lists, as far as they hold what is looked for; undefined: it lists none. */
export async function readResults(
  history: FlowHistory,
  flow: Flow,
  { id, drillDown }: Process,
  query: Readonly<Record<string, string>>,
): Promise<Results | undefined> {
  if (drillDown === undefined) return undefined
  const { q, page } = Query.parse(query)
  const path = processHref(flow.id, id)
  const found = await history.rows(flow.id, drillDown.check)
  const base = { check: drillDown.check, columns: drillDown.columns, q, path }
  if (found === undefined) return { ...base, found, at: undefined }
  const rows =
    q === '' ? found.rows : found.rows.filter((row) => holds(row, drillDown.columns, q.toLowerCase()))
  return {
    ...base,
    at: found.at,
    found: { rows: rows.slice((page - 1) * size, page * size), page, size, total: rows.length },
  }
}

/** Only what is shown is looked through. */
const holds = (row: ResultRow, columns: readonly string[], wanted: string): boolean =>
  columns.some((column) =>
    String(row[column] ?? '')
      .toLowerCase()
      .includes(wanted),
  )
