import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Hono } from 'hono'
import { accepts } from 'hono/accepts'
import { readStageMetrics } from '../db/stage-metrics.ts'
import type { EngineMetrics } from '../domain/metrics/engine-metrics.ts'
import { flowMetricFamilies } from '../domain/metrics/flow-families.ts'
import { metricFamilies } from '../domain/metrics/metric-families.ts'
import { contentType, type MetricFamily, writeOpenMetrics } from '../domain/metrics/openmetrics.ts'
import { statesAsGauges, textContentType, writePrometheusText } from '../domain/metrics/prometheus-text.ts'
import type { AppContext, AppDeps, AppEnv } from './app-context.ts'
import { answerPreflight, machineAccess } from './machine-access.ts'
import { answerBadQuery, machineQuery } from './machine-query.ts'

type MetricsDeps = Pick<AppDeps, 'db' | 'clock' | 'closing' | 'config' | 'flows'>

/** `GET /metrics` for scrapers: of the engine, the process and the flows, or of one flow alone. */
export const metricsRoutes = (deps: MetricsDeps) => {
  const { db, clock, closing, flows } = deps
  const lag = watchEventLoop(closing)
  // Whoever asks while the tables are read gets the same answer: many readers cost no more than one.
  let reading: Promise<EngineMetrics> | undefined
  const read = () => {
    reading ??= readStageMetrics(db, clock()).finally(() => {
      reading = undefined
    })
    return reading
  }
  const ofPortal = async () =>
    metricFamilies(await read(), {
      residentMemoryBytes: process.memoryUsage.rss(),
      eventLoopLagSeconds: lag(),
      uptimeSeconds: process.uptime(),
    })

  return new Hono<AppEnv>()
    .use(machineAccess(deps))
    .options('/', answerPreflight)
    .get('/', async (c) => {
      const query = machineQuery(c.req.url, flows, ['flow'])
      if (!query.ok) return answerBadQuery(c, query)
      const { flow } = query.value
      const pictures = (flow === undefined ? flows.list() : [flow]).flatMap(
        ({ id }) => flows.picture(id) ?? [],
      )
      const families = [
        ...(flow === undefined ? await ofPortal() : []),
        ...flowMetricFamilies(pictures, flows.scheduler(), flows.refusedFiles()),
      ]
      c.header('Cache-Control', 'no-store')
      c.header('Vary', 'Accept', { append: true })
      const [text, type] = expositionFor(c, families)
      return c.body(text, 200, { 'Content-Type': type })
    })
}

const openMetrics = 'application/openmetrics-text'
const olderText = 'text/plain'

/**
 * The format that is asked for, with its type. Who names none gets OpenMetrics that the parsers of the older text format
 * read as well: to them `# UNIT` and `# EOF` are comments, and a state set alone is a type they do not know.
 */
function expositionFor(c: AppContext, families: readonly MetricFamily[]): readonly [string, string] {
  switch (accepts(c, { header: 'Accept', supports: [openMetrics, olderText], default: '' })) {
    case openMetrics:
      return [writeOpenMetrics(families), contentType]
    case olderText:
      return [writePrometheusText(families), textContentType]
    default:
      return [writeOpenMetrics(statesAsGauges(families)), contentType]
  }
}

const resolutionMs = 20
const windowMs = 60_000

/**
 * The 99th percentile of the last one to two minutes, in seconds. Two histograms take turns, so that no reader cuts
 * another's window short. Each measures from tick to tick: what is beyond their distance is lag.
 */
function watchEventLoop(closing: AbortSignal): () => number {
  let older = monitorEventLoopDelay({ resolution: resolutionMs })
  let newer = monitorEventLoopDelay({ resolution: resolutionMs })
  older.enable()
  newer.enable()
  const turn = setInterval(() => {
    older.reset()
    ;[older, newer] = [newer, older]
  }, windowMs)
  turn.unref()
  closing.addEventListener('abort', () => {
    clearInterval(turn)
    older.disable()
    newer.disable()
  })
  return () => Math.max(0, older.percentile(99) / 1e9 - resolutionMs / 1_000)
}
