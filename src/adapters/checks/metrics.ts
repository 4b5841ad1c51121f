import { type CheckResult, couldNotTell } from '../../domain/flows/checks/check-result.ts'
import type { CheckRunner, RunContext } from '../../domain/flows/checks/check-runner.ts'
import { numberIn } from '../../domain/flows/checks/database.ts'
import { checkTypes, type ParametersOf } from '../../domain/flows/checks/registry.ts'
import { type Bucket, volumeBuckets } from '../../domain/flows/checks/volume-buckets.ts'
import { fillDates } from '../../domain/flows/time/dates-in-text.ts'
import { Settled } from './deadline.ts'
import { onlyFiles, present } from './files.ts'
import { findFiles } from './find-files.ts'
import { type Ask, type Span, withDatabase } from './postgres-rows.ts'
import type { PostgresSessions } from './postgres-sessions.ts'
import type { RunnerSettings } from './runner-settings.ts'
import type { Uninterruptible } from './uninterruptible.ts'

type Metric = ParametersOf<'reconcile'>['left']
/** Counts what a metric says, in each of the spans; without a span, all there is. undefined: no row, or NULL. */
type Count = (metric: Metric, spans: readonly (Span | undefined)[]) => Promise<(number | undefined)[]>

/** A metric has no max_entries of its own. */
const mostEntries = 100_000
/** Counts of buckets that are over, kept: what came then does not change, and asking again would cost each time. */
const mostRemembered = 50_000

/** The runners of the checks that compare numbers: those of files, and of a database. */
export function metricRunners(
  { baseFolder }: RunnerSettings,
  sessions: PostgresSessions,
  looks: Uninterruptible,
): { readonly [N in 'reconcile' | 'volume']: CheckRunner<N> } {
  const remembered = new Map<string, number | undefined>()

  const measure = (
    dsn: string | undefined,
    names: readonly (string | undefined)[],
    context: RunContext,
    judge: (count: Count) => Promise<CheckResult>,
  ): Promise<CheckResult> => {
    const named = names.filter((name) => name !== undefined).join(', ')
    const counting =
      (ask?: Ask): Count =>
      (metric, spans) =>
        metric.type === 'file_count'
          ? countFiles(metric, spans, baseFolder, context)
          : countRows(metric, spans, ask, dsn ?? '', remembered, context.now)
    if (dsn === undefined) {
      const late = `The look at ${named} did not end in time.`
      return looks.run(named, context.signal, late, () => judge(counting()))
    }
    return withDatabase(sessions, dsn, context, (ask) => judge(counting(ask)))
  }

  return {
    reconcile: {
      run(parameters, context) {
        const { left, right, also_subtract: also } = parameters
        return measure(parameters.dsn, [left.glob, right.glob, also?.glob], context, async (count) => {
          const one = async (metric: Metric | undefined) =>
            metric === undefined ? undefined : (await count(metric, [windowOf(metric, context.now)]))[0]
          const measured = { left: await one(left), right: await one(right), subtracted: await one(also) }
          return checkTypes.reconcile.judge(parameters, measured, context)
        })
      },
    },
    volume: {
      run(parameters, context) {
        const { metric, anomaly } = parameters
        return measure(parameters.dsn, [metric.glob], context, async (count) => {
          const { last, compared } = volumeBuckets(context.now, context.timezone, metric.bucket ?? 0, anomaly)
          const [value, ...before] = await count(metric, [last, ...compared])
          const history = before.filter((each) => each !== undefined)
          return checkTypes.volume.judge(parameters, { value, history }, context)
        })
      },
    },
  }
}

const windowOf = ({ window }: Metric, now: number): Span | undefined =>
  window === undefined ? undefined : { from: now - window, to: now }

async function countFiles(
  { glob = '' }: Metric,
  spans: readonly (Span | undefined)[],
  baseFolder: string,
  { now, timezone, signal }: RunContext,
): Promise<number[]> {
  const finding = { baseFolder, maxEntries: mostEntries, signal }
  const found = onlyFiles(present(await findFiles(fillDates(glob, now, timezone), finding)))
  if (found.truncated) {
    throw new Settled(couldNotTell('no_data', `${glob} has more than ${mostEntries} entries to look at.`))
  }
  return spans.map(
    (span) => found.files.filter((file) => span === undefined || isWithin(file.modifiedAt, span)).length,
  )
}

const isWithin = (moment: number, { from, to }: Bucket) => moment >= from && moment < to

async function countRows(
  { query = '' }: Metric,
  spans: readonly (Span | undefined)[],
  ask: Ask | undefined,
  dsn: string,
  remembered: Map<string, number | undefined>,
  now: number,
): Promise<(number | undefined)[]> {
  const counts: (number | undefined)[] = []
  for (const [index, span] of spans.entries()) {
    // Only what lies further back: of the last bucket rows may still come late.
    const key =
      index > 0 && span !== undefined && span.to < now ? JSON.stringify([dsn, query, span]) : undefined
    if (key !== undefined && remembered.has(key)) {
      counts.push(remembered.get(key))
      continue
    }
    const { rows } = (await ask?.(query, span)) ?? { rows: [] }
    const value = rows[0] === undefined ? null : (Object.values(rows[0])[0] ?? null)
    const number = numberIn(value)
    if (value !== null && number === undefined) {
      throw new Settled(couldNotTell('bad_value', 'The query of a metric answers with one number.'))
    }
    counts.push(number)
    if (key === undefined) continue
    for (const oldest of remembered.keys()) {
      if (remembered.size < mostRemembered) break
      remembered.delete(oldest)
    }
    remembered.set(key, number)
  }
  return counts
}
