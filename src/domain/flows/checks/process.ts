import { optional, required } from '../configuration/shape.ts'
import { filledText } from '../configuration/value-shapes.ts'
import { defineCheckType } from './check-type.ts'
import { judgeRange, rangeLimits } from './limits.ts'
import { numberOf } from './quantity.ts'

export const runningProcess = defineCheckType({
  measures: 'how many processes of the machine match',
  unit: 'count',
  explains: 'self',
  onTimeout: 'unknown',
  pool: 'machine',
  keys: {
    name: optional(filledText, 'The name of the program.'),
    pattern: optional(filledText, 'Instead of name: a part of the command line.'),
    pidfile: optional(filledText, 'Or the file that holds its number.'),
    user: optional(filledText, 'Only processes of this user count.'),
    count: required(rangeLimits, 'Limits of their number: `{fail: "1:"}` fails when there is none.'),
  },
  wrong: ({ name, pattern, pidfile }) =>
    [name, pattern, pidfile].filter((each) => each !== undefined).length === 1
      ? undefined
      : 'Give one of name, pattern and pidfile.',
  judge: ({ count }, { matching }: { readonly matching: number }) =>
    judgeRange(count, matching, numberOf(matching, 'process runs', 'processes run'), 'count'),
})
