import { idPattern } from '../domain/flows/configuration/value-shapes.ts'
import type { FlowMonitor, WatchedFlow } from '../domain/flows/monitor/flow-monitor.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import type { AppContext } from './app-context.ts'
import { answerDetails } from './problem.tsx'

/** What was asked of a machine endpoint by its query. */
export interface MachineQuery {
  /** One flow; undefined: all of them. */
  readonly flow: WatchedFlow | undefined
  readonly isStrict: boolean
}

/**
 * Reads `?flow=ID`, and `?strict=1` where it is known. Anything else is a mistake and said to be one: a probe whose
 * `?strict=1` is misspelt must not be told that all is well.
 */
export function machineQuery(
  url: string,
  flows: Pick<FlowMonitor, 'list'>,
  known: readonly ('flow' | 'strict')[],
): Result<MachineQuery> {
  const { searchParams } = new URL(url)
  const keys = [...searchParams.keys()]
  const unknown = keys.find((key) => !known.some((name) => name === key))
  if (unknown !== undefined) {
    const names = known.map((name) => `“${name}”`).join(' and ')
    return refuse('invalid', `This address knows ${names} after the question mark, and nothing else.`)
  }
  const twice = known.find((name) => searchParams.getAll(name).length > 1)
  if (twice !== undefined) return refuse('invalid', `“${twice}” is given twice. Give it once.`, twice)
  const strict = searchParams.get('strict')
  if (strict !== null && strict !== '0' && strict !== '1') {
    return refuse('invalid', '“strict” is 1 or 0.', 'strict')
  }
  const id = searchParams.get('flow')
  if (id !== null && !idPattern.test(id)) {
    return refuse('invalid', '“flow” is no id: letters, digits, _ and -, at most 64 of them.', 'flow')
  }
  const flow = id === null ? undefined : flows.list().find((each) => each.id === id)
  if (id !== null && flow === undefined) {
    return refuse('not-found', 'No flow has this id. /status without “flow” names them all.', 'flow')
  }
  return ok({ flow, isStrict: strict === '1' })
}

/** A refusal of the query: 400 where it is malformed, 404 where there is no such flow. */
export const answerBadQuery = (
  c: AppContext,
  refused: Extract<Result<MachineQuery>, { ok: false }>,
): Response => {
  const { kind, message, field } = refused.problem
  c.header('Cache-Control', 'no-store')
  return answerDetails(c, kind === 'not-found' ? 404 : 400, message, field)
}
