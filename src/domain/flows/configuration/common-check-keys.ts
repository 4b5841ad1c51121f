import { list } from './container-shapes.ts'
import { record } from './record-shape.ts'
import { schedule } from './schedule-shape.ts'
import { defaulted, type Keys, type KeyValues, optional, required, type Shape } from './shape.ts'
import {
  choice,
  definitionOf,
  duration,
  durationOfAtLeast,
  filledText,
  flag,
  integer,
  longerThanNothing,
  number,
  referenceTo,
} from './value-shapes.ts'

/** `unknown`, `failed`, `healthy`, or the last state for a bounded time. */
export type Substitute = 'unknown' | 'failed' | 'healthy' | { readonly keep: number }

const words = choice('unknown', 'failed', 'healthy')
const keep = record(
  { keep: required(longerThanNothing, 'The last state is kept for this long.') },
  '`{keep: 10m}`',
)
const substitute: Shape<Substitute> = {
  words: '`unknown`, `failed`, `healthy` or `{keep: 10m}`',
  schema: { anyOf: [words.schema, keep.schema] },
  read: (node, reading): Substitute | undefined =>
    node.kind === 'map' ? keep.read(node, reading) : words.read(node, reading),
}

const flap = record(
  {
    window: defaulted(integer(5, 100), 'So many results are looked at.', 20),
    start: defaulted(number, 'Flapping begins above this weighted percentage of changes.', 30),
    stop: defaulted(number, 'And ends at or below this one.', 25),
  },
  '`window`, `start`, `stop`',
)

/** What `defaults.check` may set for all checks. */
export const checkDefaults = {
  interval: defaulted(durationOfAtLeast('5ms'), 'How often it runs.', '2s'),
  timeout: defaulted(durationOfAtLeast('1ms', '1d'), 'A run is ended after this long, at most a day.', '2s'),
  retries: defaulted(integer(0, 10), 'So many more tries within one run, before it counts as not passed.', 0),
  retry_interval: defaulted(duration, 'The wait before another try.', '0'),
  ttl: optional(
    longerThanNothing,
    'An older result is UNKNOWN, “late”. Without it: twice the interval and the timeout, at least 15s.',
  ),
  failure_threshold: defaulted(
    integer(1, 100),
    'So many failures in a row turn the board; alerts have their own.',
    1,
  ),
  success_threshold: defaulted(integer(1, 100), 'So many passes in a row turn it back.', 1),
  severity: defaulted(
    choice('critical', 'warning', 'info'),
    'What a failure does: critical is FAILED, warning is DEGRADED, info changes nothing.',
    'critical',
  ),
  explains: defaulted(
    choice('auto', 'self', 'upstream'),
    'Whose fault a failure is: of the process itself, or perhaps of what is above it; auto goes by the type.',
    'auto',
  ),
  schedule: optional(schedule, 'When something is expected; before that nothing is late.'),
  flap: optional(
    flap,
    'When changing to and fro is called flapping: by default above 30 percent of 20 results, until 25.',
  ),
  on_timeout: optional(choice('failed', 'unknown'), 'What running out of time says; without it by the type.'),
  on_error: defaulted(substitute, 'What it says when the checker itself could not run.', 'unknown'),
  on_no_data: defaulted(substitute, 'What it says when there is nothing to measure.', 'unknown'),
  cache_ttl: defaulted(duration, 'Identical checks share a result that is not older.', '0'),
  jitter: defaulted(
    duration,
    'Runs are moved by up to this much, so that they do not all begin at once.',
    '0',
  ),
  enabled: defaulted(flag, 'false: it does not run and is not counted.', true),
  tags: defaulted(list(filledText), 'Words to select by.', []),
} as const satisfies Keys

/** Keys of every check, whatever its type. */
export const commonCheckKeys = {
  id: required(definitionOf('health check'), 'Its name in this file; unique.'),
  process: required(referenceTo('process'), 'The process it watches.'),
  ...checkDefaults,
  owner: optional(filledText, 'Who looks after it.'),
  runbook: optional(filledText, 'Where it says what to do.'),
  description: optional(filledText, 'What it is for.'),
  alerts: optional(list(referenceTo('alert')), 'Only these alerts speak of it.'),
} as const satisfies Keys

export type CommonCheck = KeyValues<typeof commonCheckKeys>
