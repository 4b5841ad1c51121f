import { checkDefaults } from './common-check-keys.ts'
import { anyKeys, checked, either, isScalarNode, list } from './container-shapes.ts'
import { record } from './record-shape.ts'
import { defaulted, optional, required, type ShapeValue } from './shape.ts'
import {
  choice,
  cron,
  definitionOf,
  duration,
  durationOfAtLeast,
  filledText,
  flag,
  identifier,
  integer,
  longerThanNothing,
  moment,
  referenceTo,
  text,
  timezone,
} from './value-shapes.ts'

const board = record(
  {
    headline: defaulted(flag, 'Whether one sentence names the root cause.', true),
    style: defaulted(choice('diagram', 'tiles'), 'How processes are shown.', 'diagram'),
    at_risk_below: defaulted(longerThanNothing, '“At risk” shows when less time than this is left.', '1h'),
    live_after: defaulted(
      durationOfAtLeast('3s'),
      'Without a heartbeat, one comes every 2s, for this long the whole board greys out.',
      '10s',
    ),
    blank_after: defaulted(
      durationOfAtLeast('3s'),
      'Without one for this long the states become “?”.',
      '60s',
    ),
    reload_every: defaulted(durationOfAtLeast('1m'), 'The page loads itself anew this often.', '24h'),
    sound: defaulted(flag, 'Whether a new failure makes a sound.', false),
    rotate_every: optional(longerThanNothing, 'The board shows the next flow after this long.'),
  },
  'board settings',
)

/** Words that stand where the id of a flow does, in addresses below `/flows` and `/board`. */
const reservedIds: ReadonlySet<string> = new Set(['try', 'link'])

const flowId = checked(identifier, (id) =>
  reservedIds.has(id) ? `${id} is a word of our own addresses. Choose another id for this flow.` : undefined,
)

export const flowKeys = record({
  id: required(flowId, 'Its name in addresses: `/flows/ID`; neither `try` nor `link`.'),
  name: required(filledText, 'Its name for people.'),
  description: optional(filledText, 'What flows here.'),
  timezone: defaulted(timezone, 'The time zone of schedules and dates.', 'UTC'),
  layout: defaulted(choice('LR', 'TB'), 'Drawn from left to right, or from top to bottom.', 'LR'),
  board: optional(board, 'The wall board.'),
})

const atLeastOf = record(
  {
    at_least: required(integer(1), 'So many have to be good.'),
    of: required(
      list(referenceTo('health check'), { atLeast: 1 }),
      'Of these checks; others count as always.',
    ),
  },
  '`{at_least: n, of: [...]}`',
)
const rollup = either(
  isScalarNode,
  choice('worst', 'best', 'majority'),
  checked(atLeastOf, ({ at_least: least, of }) =>
    least > of.length ? `at_least is ${least}, but of has only ${of.length}.` : undefined,
  ),
)
export type Rollup = ShapeValue<typeof rollup>

export const processShape = record({
  id: required(definitionOf('process'), 'Its name in this file; unique.'),
  name: optional(filledText, 'Its name for people; else the id.'),
  description: optional(filledText, 'What it does.'),
  owner: optional(filledText, 'Who looks after it.'),
  runbook: optional(filledText, 'Where it says what to do.'),
  tags: defaulted(list(filledText), 'Words to select by.', []),
  rollup: optional(
    rollup,
    'How its state follows from its checks: the worst, the best, the majority, or so many of a redundant group. Without it as in defaults, else worst.',
  ),
  drill_down: optional(
    record(
      {
        check: required(referenceTo('health check'), 'The check whose results are listed.'),
        columns: required(list(filledText, { atLeast: 1 }), 'The columns shown.'),
      },
      'drill-down',
    ),
    'What its page lists.',
  ),
})

export const connectionShape = record({
  from: required(referenceTo('process'), 'Where it comes from.'),
  to: required(referenceTo('process'), 'Where it goes.'),
  type: defaulted(choice('data', 'control'), 'Whether data flows, or one only starts the other.', 'data'),
  max_lag: optional(
    duration,
    'How long the next may still be late after this one recovered (“draining”). Without it: no time.',
  ),
  optional: defaulted(flag, 'An optional connection never explains a failure.', false),
  redundancy_group: optional(
    identifier,
    'Connections of one group into a process stand in for each other: they explain a failure only when all are bad.',
  ),
})

const maintenanceShape = checked(
  record({
    id: required(definitionOf('maintenance'), 'Its name in this file; unique.'),
    title: required(filledText, 'What is done.'),
    applies_to: required(
      record(
        {
          processes: optional(list(referenceTo('process'), { atLeast: 1 }), 'These processes.'),
          checks: optional(list(referenceTo('health check'), { atLeast: 1 }), 'These checks.'),
        },
        '`processes`, `checks`',
      ),
      'What is maintained.',
    ),
    schedule: optional(
      record(
        {
          cron: required(cron, 'When it begins.'),
          duration: required(longerThanNothing, 'How long it takes.'),
          timezone: optional(timezone, 'The time zone; else that of the flow.'),
        },
        'schedule',
      ),
      'Again and again.',
    ),
    start: optional(moment, 'Once: when it begins.'),
    end: optional(moment, 'When it ends.'),
    ical: optional(filledText, 'Or the times of an iCal file.'),
    expected_downstream: defaulted(
      flag,
      'Whether what starves because of it shows “expected”, not red.',
      false,
    ),
  }),
  ({ schedule, start, end, ical }) => {
    if ((start === undefined) !== (end === undefined)) return 'start and end belong together.'
    if (start !== undefined && end !== undefined && start >= end) return 'It ends before it begins.'
    return [schedule, start, ical].filter((each) => each !== undefined).length === 1
      ? undefined
      : 'A maintenance has one of schedule, start with end, and ical.'
  },
)

const contactShape = checked(
  record({
    id: required(definitionOf('contact'), 'Its name in this file; unique.'),
    type: required(choice('log', 'webhook', 'email'), 'How it is reached.'),
    // Both may come empty from a variable: such a contact is switched off.
    url: optional(text, 'For webhook: the address; empty switches it off.'),
    to: optional(text, 'For email: who gets it; empty switches it off.'),
  }),
  ({ type, url, to }) => {
    if ((type === 'webhook') !== (url !== undefined))
      return 'A webhook needs url, and only a webhook has one.'
    if (url !== undefined && url !== '' && !/^https?:\/\//.test(url))
      return 'The url is no http or https address.'
    return (type === 'email') === (to !== undefined)
      ? undefined
      : 'An email needs to, and only an email has it.'
  },
)

const alertDefaults = {
  failure_threshold: defaulted(integer(1, 100), 'So many failures in a row make it speak.', 3),
  success_threshold: defaulted(integer(1, 100), 'So many passes in a row make it say that it is over.', 2),
  send_on_resolved: defaulted(flag, 'Whether it says when it is over.', true),
  minimum_reminder_interval: optional(longerThanNothing, 'It says it again after this long.'),
} as const

const alertShape = record({
  id: required(definitionOf('alert'), 'Its name in this file; unique.'),
  when: required(
    checked(
      record(
        {
          state: optional(choice('failed', 'unknown', 'degraded'), 'The state of a process.'),
          role: optional(choice('root', 'consequence', 'at_risk'), 'Its role.'),
          severity: optional(choice('critical', 'warning', 'info'), 'The severity of the failing check.'),
          tags: optional(list(filledText), 'Words that the check or its process has.'),
          for: optional(longerThanNothing, 'Only when it lasts this long.'),
          event: optional(
            list(choice('config_rejected', 'scheduler_stalled', 'delivery_failed'), { atLeast: 1 }),
            'Or something that happens to the monitor itself.',
          ),
        },
        'matcher',
      ),
      ({ event, ...rest }) =>
        event === undefined
          ? Object.values(rest).some((each) => each !== undefined)
            ? undefined
            : 'Say when: state, role, severity, tags or event.'
          : Object.values(rest).some((each) => each !== undefined)
            ? 'An event has no state, role, severity, tags or for.'
            : undefined,
    ),
    'When it speaks.',
  ),
  contacts: required(list(referenceTo('contact'), { atLeast: 1 }), 'Who is told.'),
  group_by: optional(choice('root_cause'), 'One message for a root cause and all it starves.'),
  group_wait: optional(duration, 'How long it waits for more of the same.'),
  failure_threshold: optional(integer(1, 100), 'Instead of the one in defaults.'),
  success_threshold: optional(integer(1, 100), 'Instead of the one in defaults.'),
  send_on_resolved: optional(flag, 'Instead of the one in defaults.'),
  minimum_reminder_interval: optional(longerThanNothing, 'Instead of the one in defaults.'),
})

const defaultsShape = record({
  check: optional(record(checkDefaults), 'For every check that does not say otherwise.'),
  process: optional(record({ rollup: optional(rollup, 'As for a process.') }), 'For every process.'),
  alert: optional(record(alertDefaults), 'For every alert.'),
})

export const parameterShape = checked(
  record({
    type: required(choice('string', 'integer', 'number', 'boolean', 'duration'), 'What it is.'),
    required: defaulted(flag, 'Whether a check has to give it.', false),
    default: optional(text, 'What it is where a check gives none.'),
    description: optional(filledText, 'What it is for.'),
  }),
  ({ required: needed, default: fallback }) =>
    needed === (fallback === undefined)
      ? undefined
      : 'A parameter is required or has a default, one of both.',
)
export type Parameter = ShapeValue<typeof parameterShape>

/** Keys of a `check_types` entry besides those of the type that it extends. */
export const checkTypeKeys = {
  extends: required(identifier, 'The type it is made from.'),
  parameters: optional(anyKeys(parameterShape), 'What a check gives in `with`, used as `{{name}}`.'),
} as const

/** All parts of a file but checks, check types and variables, which have readers of their own. */
export const partKeys = {
  version: required(integer(1, 1), 'The version of this format: 1.'),
  flow: required(flowKeys, 'What the flow is called, and how it is shown.'),
  defaults: optional(defaultsShape, 'What holds where nothing else is said.'),
  processes: required(list(processShape, { atLeast: 1 }), 'The boxes.'),
  connections: defaulted(list(connectionShape), 'The arrows; they may not form a circle.', []),
  maintenance: defaulted(list(maintenanceShape), 'When something is not expected to work.', []),
  contacts: defaulted(list(contactShape), 'Who can be told.', []),
  alerts: defaulted(list(alertShape), 'Who is told what.', []),
} as const

/** Unused by the reader, which fills `variables` in first; here so that schema and document know the key. */
export const variablesShape = anyKeys(text)

export type Board = ShapeValue<typeof board>
export const boardDefaults = board
