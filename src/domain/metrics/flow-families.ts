import type { Unit } from '../flows/checks/quantity.ts'
import { checkTypes } from '../flows/checks/registry.ts'
import type { Check } from '../flows/flow.ts'
import type { FlowPicture, RefusedFile, SchedulerState } from '../flows/monitor/flow-monitor.ts'
import { nextRunAt } from '../flows/state/check-state.ts'
import { states } from '../flows/state/state.ts'
import type { MetricFamily, Sample } from './openmetrics.ts'

/** What `GET /metrics` tells of the flows. Labels are ids of flows, processes and checks, never what a check found. */
export const flowMetricFamilies = (
  pictures: readonly FlowPicture[],
  scheduler: SchedulerState,
  neverRight: readonly RefusedFile[],
): readonly MetricFamily[] => {
  const checks = pictures.flatMap(({ watched, assessment }) =>
    watched.flow.checks.flatMap((check) => {
      const view = check.enabled ? assessment.checks.get(check.id) : undefined
      if (view === undefined) return []
      // What is judged from other checks has no runs of its own.
      const memory = virtual.includes(check.type) ? undefined : view.memory
      return [{ labels: { flow: watched.id, process: check.process, check: check.id }, check, view, memory }]
    }),
  )
  type Found = (typeof checks)[number]
  const perCheck = (value: (found: Found) => number | undefined): Sample[] =>
    checks.flatMap((found) => {
      const measured = value(found)
      return measured === undefined ? [] : [{ labels: found.labels, value: measured }]
    })
  const perFlow = (value: (picture: FlowPicture) => number): Sample[] =>
    pictures.map((picture) => ({ labels: { flow: picture.watched.id }, value: value(picture) }))
  return [
    {
      name: 'signalbox_flow_process_state',
      type: 'stateset',
      help: 'The state of a process.',
      samples: pictures.flatMap(({ watched, assessment }) =>
        assessment.processes.map(({ id, state }) => ({
          labels: { flow: watched.id, process: id },
          states,
          state,
        })),
      ),
    },
    {
      name: 'signalbox_flow_check_state',
      type: 'stateset',
      help: 'The state of a check, as it counts now: what is too old is UNKNOWN.',
      samples: checks.map(({ labels, view }) => ({ labels, states, state: view.state })),
    },
    {
      name: 'signalbox_flow_check_last_success_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When a check passed last; missing until it did.',
      samples: perCheck(({ memory }) => seconds(memory?.lastOkAt)),
    },
    {
      name: 'signalbox_flow_check_last_run_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When the last result of a check came; missing until one did.',
      samples: perCheck(({ memory }) => seconds(memory?.at)),
    },
    {
      name: 'signalbox_flow_check_next_run_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When a check should run next, at its own moment of the interval.',
      samples: perCheck(({ memory, check }) =>
        memory === undefined ? undefined : seconds(nextRunAt(check, memory)),
      ),
    },
    {
      name: 'signalbox_flow_check_duration_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'How long the last run of a check took; missing until one was measured.',
      samples: perCheck(({ memory }) => seconds(memory?.result.tookMs)),
    },
    ...valueFamilies.map(({ of, perUnit, ...family }) => ({
      ...family,
      type: 'gauge' as const,
      samples: perCheck(({ check, memory }) =>
        memory?.result.value === undefined || unitOf(check) !== of
          ? undefined
          : memory.result.value / perUnit,
      ),
    })),
    {
      name: 'signalbox_flow_config_refused',
      type: 'gauge',
      help: '1 where the file of a flow was refused and its older text goes on.',
      samples: perFlow(({ watched }) => (watched.refused === undefined ? 0 : 1)),
    },
    {
      name: 'signalbox_flow_config_loaded_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When the text of a flow that is in force was taken over.',
      samples: perFlow(({ watched }) => watched.loadedAt / 1_000),
    },
    {
      name: 'signalbox_flow_refused_files',
      type: 'gauge',
      help: 'Files of flows that have never been right, so that no flow stands for them.',
      samples: [{ value: neverRight.length }],
    },
    {
      name: 'signalbox_flow_scheduler_lag_p99_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: '99th percentile of how late runs of checks began lately.',
      samples: [{ value: scheduler.lagMs / 1_000 }],
    },
    {
      name: 'signalbox_flow_scheduler_overdue_checks',
      type: 'gauge',
      help: 'Checks that should have run by now and have not.',
      samples: [{ value: scheduler.overdue }],
    },
    {
      name: 'signalbox_flow_scheduler_stalled',
      type: 'gauge',
      help: '1 when nothing was heard for too long of the process that runs the checks.',
      samples: [{ value: scheduler.isStalled ? 1 : 0 }],
    },
  ]
}

/** One family a unit, in the base units of OpenMetrics: values of one family are of one kind. */
const valueFamilies = [
  {
    of: 'ms',
    unit: 'seconds',
    perUnit: 1_000,
    name: 'signalbox_flow_check_value_seconds',
    help: 'The time that a check measured: an age, a remaining validity, the time of an answer.',
  },
  {
    of: 'bytes',
    unit: 'bytes',
    perUnit: 1,
    name: 'signalbox_flow_check_value_bytes',
    help: 'The size that a check measured.',
  },
  {
    of: 'percent',
    unit: 'ratio',
    perUnit: 100,
    name: 'signalbox_flow_check_value_ratio',
    help: 'The share that a check measured, 1 for all.',
  },
  {
    of: 'count',
    perUnit: 1,
    name: 'signalbox_flow_check_value',
    help: 'The number that a check counted, or measured without a unit.',
  },
] as const

const unitOf = ({ type }: Check): Unit => checkTypes[type].unit ?? 'count'

const virtual: readonly string[] = ['all', 'any', 'at_least']
const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1_000)
