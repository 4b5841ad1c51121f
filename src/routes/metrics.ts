import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Hono } from 'hono'
import { readStageMetrics } from '../db/stage-metrics.ts'
import type { EngineMetrics } from '../domain/metrics/engine-metrics.ts'
import { metricFamilies } from '../domain/metrics/metric-families.ts'
import { mayReadMetrics } from '../domain/metrics/metrics-access.ts'
import { contentType, writeOpenMetrics } from '../domain/metrics/openmetrics.ts'
import type { AppDeps, AppEnv } from './app-context.ts'
import { answerStatus } from './problem.tsx'

type MetricsDeps = Pick<AppDeps, 'db' | 'clock' | 'closing' | 'config'>

/**
 * `GET /metrics` for OpenMetrics scrapers. The permission table opens it to everybody, because a scraper has no
 * session: who may read is decided here.
 */
export const metricsRoutes = ({ db, clock, closing, config }: MetricsDeps) => {
  const access = config.metrics ?? { token: undefined, isPublic: false }
  const lag = watchEventLoop(closing)
  // Whoever asks while the tables are read gets the same answer: many readers cost no more than one.
  let reading: Promise<EngineMetrics> | undefined
  const read = () => {
    reading ??= readStageMetrics(db, clock()).finally(() => {
      reading = undefined
    })
    return reading
  }

  return new Hono<AppEnv>().get('/', async (c) => {
    c.header('Cache-Control', 'no-store')
    if (!mayReadMetrics(access, c.var.viewer?.role, c.req.header('Authorization'))) {
      if (c.var.bearer !== undefined) return answerStatus(c, 403, 'Metrics are for keys of administrators.')
      c.header('WWW-Authenticate', 'Bearer')
      return answerStatus(
        c,
        401,
        'Metrics are for administrators, or for scrapers that send METRICS_TOKEN as a bearer token.',
      )
    }
    const families = metricFamilies(await read(), {
      residentMemoryBytes: process.memoryUsage.rss(),
      eventLoopLagSeconds: lag(),
      uptimeSeconds: process.uptime(),
    })
    return c.body(writeOpenMetrics(families), 200, { 'Content-Type': contentType })
  })
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
