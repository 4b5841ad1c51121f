import { VaultError } from './vault/vault.ts'

/** What of an error may be logged. Made here only, so that the log knows one when it sees it. */
export interface ErrorTrace {
  readonly name: string
  readonly code?: string
  readonly message?: string
  readonly at?: readonly string[]
  readonly cause?: ErrorTrace
}

const traces = new WeakSet<object>()

/** Whether a value was made by `errorTrace`, and so holds nothing that an error quotes. */
export const isErrorTrace = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && traces.has(value)

/** A place in code as V8 writes it. A message of several lines may look like one, but hardly with a place. */
const frame = /^ {4}at (?:(?:async |new )*[\w.$<>#]+(?: \[as [\w.$<>#]+\])? \()?[\w./:@+-]+:\d+:\d+\)?$/
const word = /^[\w-]{1,60}$/
const deepest = 5

/**
 * What of an error may be logged: its kind, code and place. Messages of parsers and of the database quote what they
 * were given, so only our own are kept; names and codes only where they look like such.
 */
export function errorTrace(error: unknown, depth = 0): ErrorTrace {
  const trace = Object.freeze(traceOf(error, depth))
  traces.add(trace)
  return trace
}

function traceOf(error: unknown, depth: number): ErrorTrace {
  if (!(error instanceof Error)) return { name: typeof error }
  const code =
    'code' in error && typeof error.code === 'string' && word.test(error.code) ? error.code : undefined
  // The stack begins with the message, whatever its lines look like.
  const stack = error.stack ?? ''
  const head = stack.indexOf(error.message)
  const below = error.message === '' || head < 0 ? stack : stack.slice(head + error.message.length)
  const at = below
    .split('\n')
    .filter((line) => frame.test(line))
    .slice(0, 12)
    .map((line) => line.trim())
  return {
    name: word.test(error.name) ? error.name : 'Error',
    at,
    ...(code === undefined ? {} : { code }),
    ...(error instanceof VaultError ? { message: error.message } : {}),
    ...(error.cause === undefined || depth >= deepest ? {} : { cause: errorTrace(error.cause, depth + 1) }),
  }
}
