import type { EngineMetrics, ProcessMetrics, StageMetrics } from './engine-metrics.ts'
import type { Labels, MetricFamily } from './openmetrics.ts'

/**
 * What `GET /metrics` tells. Labels are the names of stages, statuses and windows, never anything of a dataset or a
 * person. There are no counters: rows of a deleted run are gone, so no sum over tables only ever grows.
 */
export const metricFamilies = (
  { stages, liveRuns, endedRuns, workers }: EngineMetrics,
  process: ProcessMetrics,
): readonly MetricFamily[] => {
  const perStage = (value: (stage: StageMetrics) => number, labels: Labels = {}) =>
    stages.map((stage) => ({ labels: { stage: stage.stage, ...labels }, value: value(stage) }))
  const recent = (value: (minutes: StageMetrics['lastFiveMinutes']) => number) =>
    perStage((stage) => value(stage.lastFiveMinutes), { window: '5m' })
  return [
    {
      name: 'signalbox_stage_queued_shards',
      type: 'gauge',
      help: `Shards of live runs that wait to be claimed. ${fused}`,
      samples: perStage((stage) => stage.queued),
    },
    {
      name: 'signalbox_stage_working_shards',
      type: 'gauge',
      help: `Shards of live runs that a worker holds. ${fused}`,
      samples: perStage((stage) => stage.working),
    },
    {
      name: 'signalbox_stage_oldest_wait_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: `At most this long the oldest shard that may be claimed has waited. ${fused}`,
      samples: perStage((stage) => stage.oldestWaitSeconds),
    },
    {
      name: 'signalbox_stage_done_shards',
      type: 'gauge',
      help: `Shards done in the window. ${fused}`,
      samples: recent((minutes) => minutes.shards),
    },
    {
      name: 'signalbox_stage_done_records',
      type: 'gauge',
      help: `Records that came out of shards done in the window; none for ingestion. ${fused}`,
      samples: recent((minutes) => minutes.records),
    },
    {
      name: 'signalbox_stage_shards_per_second',
      type: 'gauge',
      help: `Shards done in the window, a second. ${fused}`,
      samples: recent((minutes) => minutes.shardsPerSecond),
    },
    {
      name: 'signalbox_stage_records_per_second',
      type: 'gauge',
      help: `Records that came out of shards done in the window, a second. ${fused}`,
      samples: recent((minutes) => minutes.recordsPerSecond),
    },
    {
      name: 'signalbox_stage_failed_attempts',
      type: 'gauge',
      help: `Attempts that failed, of shards that finished in the window. ${fused}`,
      samples: recent((minutes) => minutes.failures),
    },
    {
      name: 'signalbox_stage_lost_attempts',
      type: 'gauge',
      help: `Attempts that ended with the loss of their worker, of shards that finished in the window. ${fused}`,
      samples: recent((minutes) => minutes.losses),
    },
    {
      name: 'signalbox_stage_shard_seconds',
      type: 'summary',
      unit: 'seconds',
      help: `Time from claim to commit of shards done in the window; NaN where there were none. ${fused}`,
      samples: stages.flatMap(({ stage, shardTime }) =>
        quantiles.map(([quantile, name]) => ({
          labels: { stage, window: '1h' },
          quantile,
          value: (shardTime?.[name] ?? Number.NaN) / 1_000,
        })),
      ),
    },
    {
      name: 'signalbox_live_runs',
      type: 'gauge',
      help: 'Runs that have not ended.',
      samples: Object.entries(liveRuns).map(([status, value]) => ({ labels: { status }, value })),
    },
    {
      name: 'signalbox_ended_runs',
      type: 'gauge',
      help: 'Runs accepted in the window that have ended.',
      samples: Object.entries(endedRuns).map(([status, value]) => ({
        labels: { status, window: '24h' },
        value,
      })),
    },
    {
      name: 'signalbox_live_workers',
      type: 'gauge',
      help: 'Worker processes seen within 30 seconds.',
      samples: [{ value: workers.live }],
    },
    {
      name: 'signalbox_paused_workers',
      type: 'gauge',
      help: 'Live worker processes that take no shards at present.',
      samples: [{ value: workers.paused }],
    },
    {
      name: 'signalbox_process_resident_memory_bytes',
      type: 'gauge',
      unit: 'bytes',
      help: 'Resident memory of the process that answers.',
      samples: [{ value: process.residentMemoryBytes }],
    },
    {
      name: 'signalbox_process_event_loop_lag_p99_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: '99th percentile, over the last one to two minutes, of how late the event loop of the process came.',
      samples: [{ value: process.eventLoopLagSeconds }],
    },
    {
      name: 'signalbox_process_uptime_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'How long the process that answers has run.',
      samples: [{ value: process.uptimeSeconds }],
    },
  ]
}

const quantiles = [
  [0.5, 'p50'],
  [0.95, 'p95'],
  [0.99, 'p99'],
] as const

const fused =
  'A fused shard (standardization, validation and processing in one call) counts as standardization.'
