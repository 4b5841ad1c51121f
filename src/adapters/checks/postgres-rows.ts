import type pg from 'pg'
import { type CheckResult, couldNotTell, fail } from '../../domain/flows/checks/check-result.ts'
import type { RunContext } from '../../domain/flows/checks/check-runner.ts'
import type { Row, RowsMeasurement } from '../../domain/flows/checks/database.ts'
import { Settled, untilAborted } from './deadline.ts'
import type { PostgresSessions } from './postgres-sessions.ts'
import { AnswerTooLarge, mostAnswerBytes } from './postgres-socket.ts'
import { codeOf, networkProblem } from './problems.ts'

/** More is no answer to judge but a table to read. */
const mostAnswered = 10_000

/** The ends of a bucket, for `:from` and `:to`; milliseconds since 1970 UTC. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Asks one query, as `asker` does it, for as long as the run may take. */
export type Ask = (query: string, span?: Span) => Promise<RowsMeasurement>

/** Works with answers of a database; what goes wrong with it becomes a result. */
export function withDatabase(
  sessions: PostgresSessions,
  dsn: string,
  { signal, timeout }: RunContext,
  work: (ask: Ask) => Promise<CheckResult>,
): Promise<CheckResult> {
  const target = databaseName(dsn)
  return untilAborted(signal, `${target} did not answer in time.`, async () => {
    try {
      return await sessions.use(dsn, signal, (client) =>
        work((query, span) => ask(client, timeout, query, span)),
      )
    } catch (error) {
      if (error instanceof Settled) throw error
      const problem = databaseProblem(error, target)
      if (problem === undefined) throw error
      return problem
    }
  })
}

async function ask(client: pg.Client, timeout: number, query: string, span?: Span): Promise<RowsMeasurement> {
  const { text, values } = withSpan(query, span)
  const began = performance.now()
  // Every setting ends with the transaction, and what is read-only cannot be made otherwise within it.
  await client.query(
    `begin read only; set local time zone 'UTC'; set local cursor_tuple_fraction = 1;
     set local statement_timeout = ${Math.max(1, Math.ceil(timeout))};
     set local idle_in_transaction_session_timeout = ${Math.max(1_000, Math.ceil(2 * timeout))}`,
  )
  const rows = await fetched(client, text, values)
  await client.query('rollback')
  if (rows.length > mostAnswered) {
    throw new Settled(
      couldNotTell('limit', `The query answers more than ${mostAnswered} rows. Let it count, or limit it.`),
    )
  }
  return { rows, durationMs: Math.round(performance.now() - began) }
}

async function fetched(client: pg.Client, text: string, values: string[]): Promise<readonly Row[]> {
  // The extended protocol takes one statement, so that none can hide behind a “;”. pg's types do not know the word.
  const single = (statement: string) => {
    const config: pg.QueryConfig & { readonly queryMode: 'extended' } = {
      text: statement,
      values,
      queryMode: 'extended',
    }
    return client.query<Row>(config)
  }
  if (/^\s*show\b/i.test(text)) return (await single(text)).rows
  // A cursor bounds what comes back.
  await single(`declare answer no scroll cursor for ${text}`)
  return (await client.query<Row>(`fetch ${mostAnswered + 1} from answer`)).rows
}

/** Texts, names and comments are passed over, so that only the placeholders are found. */
const tokens =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|::|:(from|to)\b/g

/** @throws Settled when the query asks for a span and there is none */
function withSpan(query: string, span: Span | undefined) {
  const values: string[] = []
  const places = new Map<string, number>()
  const text = query.replace(tokens, (found: string, _tag: unknown, name: 'from' | 'to' | undefined) => {
    if (name === undefined) return found
    if (span === undefined) {
      throw new Settled(
        couldNotTell('bad_value', 'The query asks for :from or :to, but has no window or bucket.'),
      )
    }
    const place = places.get(name) ?? values.push(new Date(span[name]).toISOString())
    places.set(name, place)
    return `$${place}`
  })
  return { text, values }
}

/** What the error of a database says: refusing us is its failure, a wrong query is ours. */
export function databaseProblem(error: unknown, target: string): CheckResult | undefined {
  if (error instanceof AnswerTooLarge) {
    return couldNotTell(
      'limit',
      `${target} answers more than ${mostAnswerBytes / 2 ** 20} MiB, and is not read to its end.`,
    )
  }
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : ''
  if (code === undefined) {
    if (/password must be a string|no password/i.test(message)) {
      return couldNotTell('permission', `${target} wants a password, and the address has none.`)
    }
    if (/terminated|ended its connection|not queryable/i.test(message)) {
      return fail('refused', `${target} ended the connection.`)
    }
    return /\bSSL\b|unexpected|unknown/i.test(message)
      ? fail('bad_value', `${target} does not answer as Postgres does.`)
      : networkProblem(error, target)
  }
  if (code === 'ERR_INVALID_URL')
    return couldNotTell('bad_value', 'The address of the database is none that can be read.')
  if (!/^[0-9A-Z]{5}$/.test(code)) return networkProblem(error, target)
  if (code === '57014') return couldNotTell('timeout', `${target} ended the query: it took too long.`)
  if (code === '42501' || code === '25006') {
    return couldNotTell('permission', `The query is not allowed: ${message}.`)
  }
  // The words of these errors are those of the query, not of the data.
  if (code.startsWith('42') || code === '0A000')
    return couldNotTell('bad_value', `The query is wrong: ${message}.`)
  // Those of class 22 may quote a value.
  if (code.startsWith('22')) return couldNotTell('bad_value', `The query stumbles over a value (${code}).`)
  // Class 28: the login; 3D: the database; 53: no room; 57: shut down or starting; 08: the connection.
  if (/^(?:28|3D|53|57|08)/.test(code)) return fail('refused', `${target} refuses us (${code}).`)
  return couldNotTell('checker_error', `${target} answered with the error ${code}.`)
}

/**
 * Host and database of an address; never its password. A password with an unescaped `/`, `?` or `#` ends the host too
 * early, and would stand where the database does: of such an address nothing is told.
 */
export function databaseName(dsn: string): string {
  if (!URL.canParse(dsn)) return 'The database'
  const { host, pathname, search, hash } = new URL(dsn)
  if (`${pathname}${search}${hash}`.includes('@') || hash !== '') return 'The database'
  return `Postgres ${host === '' ? 'localhost' : host}${pathname}`
}
