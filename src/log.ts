import {
  type Bindings,
  type ChildLoggerOptions,
  type DestinationStream,
  type LogFn,
  type Logger,
  pino,
} from 'pino'
import { errorTrace, isErrorTrace } from './domain/error-trace.ts'

/** JSON lines on stderr: stdout belongs to reports and the start message. */
export const createLog = (
  { level }: { readonly level: string },
  destination: DestinationStream = pino.destination({ fd: 2, sync: true }),
): Logger => {
  const log: Logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: onlyKnown },
      // Errors are reduced by `onlyKnown`; pino's own serializer would add what it finds.
      serializers: { err: (value: unknown) => value },
      hooks: { logMethod: onlyOwnWords },
    },
    destination,
  )
  const { child } = log
  // Children inherit it; what they are bound to is written without asking the formatter.
  return Object.assign(log, {
    child(this: Logger, bindings: Bindings, options?: ChildLoggerOptions): Logger {
      return Reflect.apply(child, this, [onlyKnown(bindings), options])
    },
  })
}

type Rule = (value: unknown) => boolean
const text =
  (pattern: RegExp): Rule =>
  (value) =>
    typeof value === 'string' && pattern.test(value)
const figure: Rule = (value) => typeof value === 'number'
const word = text(/^[\w.:/-]{1,100}$/)
const date: Rule = (value) => value instanceof Date

/**
 * What lines may say (docs/logs.md): keys that are known, with values that are what they should be. What is nowhere
 * here does not get into the log, whoever logs it: nobody has to remember what must be left out.
 */
export const logFields: Readonly<Record<string, Rule>> = {
  requestId: word,
  runId: word,
  datasetId: word,
  flowId: word,
  checkId: word,
  state: word,
  user: word,
  method: text(/^[A-Z]{3,10}$/),
  path: text(/^[\w./…-]{1,400}$/),
  status: figure,
  ms: figure,
  event: word,
  what: word,
  owasp: word,
  limit: word,
  address: text(/^[\da-f.:/]{2,50}$/),
  stage: word,
  index: figure,
  attempt: figure,
  ended: text(/^(run over|stopping|lease lost|time)$/),
  code: word,
  workerId: figure,
  usedShare: figure,
  outcome: word,
  finding: word,
  seq: figure,
  keys: figure,
  reason: word,
  owner: word,
  object: word,
  runs: figure,
  deletion: word,
  datasets: figure,
  rows: figure,
  objects: figure,
  unreferenced: figure,
  young: figure,
  held: figure,
  swept: figure,
  temporary: figure,
  signal: word,
  at: date,
  err: isErrorTrace,
  error: isErrorTrace,
}

/** Values that are not what they should be are told by their type; keys that nobody knows only by their number. */
function onlyKnown(line: object): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  let dropped = 0
  for (const [key, given] of Object.entries(line)) {
    if (given === undefined) continue
    const value = given instanceof Error ? errorTrace(given) : given
    const rule = Object.hasOwn(logFields, key) ? logFields[key] : undefined
    if (rule === undefined) dropped++
    else kept[key] = rule(value) ? value : `[${typeof value}]`
  }
  return dropped === 0 ? kept : { ...kept, dropped }
}

/**
 * The message is a sentence of ours and comes last. Without one, pino would take that of the error; and values would be
 * written into the sentence where it holds a `%s`.
 */
function onlyOwnWords(this: Logger, args: Parameters<LogFn>, method: LogFn): void {
  const [first, second]: readonly unknown[] = args
  const fields = first instanceof Error ? { err: first } : typeof first === 'string' ? {} : first
  const message = typeof first === 'string' ? first : typeof second === 'string' ? second : 'no message'
  method.call(this, fields, message)
}
