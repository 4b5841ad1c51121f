import { type CheckResult, couldNotTell } from '../../domain/flows/checks/check-result.ts'
import type { CheckRunner } from '../../domain/flows/checks/check-runner.ts'
import type { Row } from '../../domain/flows/checks/database.ts'
import { checkTypes, type ParametersOf } from '../../domain/flows/checks/registry.ts'
import { untilAborted } from './deadline.ts'
import { databaseName, databaseProblem, withDatabase } from './postgres-rows.ts'
import type { PostgresSessions } from './postgres-sessions.ts'

type DatabaseCheckName = 'db_connect' | 'db_query' | 'freshness'

export const databaseRunners = (
  sessions: PostgresSessions,
): { readonly [N in DatabaseCheckName]: CheckRunner<N> } => ({
  db_connect: {
    run(parameters, context) {
      const target = databaseName(parameters.dsn)
      return untilAborted(context.signal, `${target} did not let us in in time.`, async () => {
        const began = performance.now()
        try {
          await sessions.once(parameters.dsn, context.signal, (client) => client.query('select 1'))
        } catch (error) {
          const problem = databaseProblem(error, target)
          if (problem === undefined) throw error
          return problem
        }
        const connectedAfterMs = Math.round(performance.now() - began)
        return checkTypes.db_connect.judge(parameters, { connectedAfterMs }, context)
      })
    },
  },
  db_query: {
    run: (parameters, context) =>
      withDatabase(sessions, parameters.dsn, context, async (ask) =>
        checkTypes.db_query.judge(parameters, await ask(parameters.query), context),
      ),
  },
  freshness: {
    run: (parameters, context) =>
      withDatabase(sessions, parameters.dsn, context, async (ask): Promise<CheckResult> => {
        const { rows } = await ask(parameters.query ?? newestOf(parameters))
        const latest = momentIn(rows[0])
        if (latest === 'none') {
          return couldNotTell('bad_value', 'The query does not answer with a moment: a timestamp is needed.')
        }
        return checkTypes.freshness.judge(parameters, { latest }, context)
      }),
  },
})

/** Names are taken as they are stored, upper case and lower case apart. */
function newestOf({ table = '', column = '' }: ParametersOf<'freshness'>): string {
  const quoted = (name: string) =>
    name
      .split('.')
      .map((part) => `"${part}"`)
      .join('.')
  return `select max(${quoted(column)}) from ${quoted(table)}`
}

/** The moment in the first column; undefined: no row, or NULL. */
function momentIn(row: Row | undefined): number | undefined | 'none' {
  const value = row === undefined ? null : (Object.values(row)[0] ?? null)
  if (value === null) return undefined
  if (value instanceof Date) return value.getTime()
  const moment =
    typeof value === 'string' && /^\d{4}-\d{2}-\d{2}/.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(moment) ? 'none' : moment
}
