import { httpPlaceholders } from '../conditions/condition.ts'
import type { Measured } from '../conditions/judge-condition.ts'
import { condition } from '../configuration/condition-shape.ts'
import { anyKeys, list } from '../configuration/container-shapes.ts'
import { record } from '../configuration/record-shape.ts'
import { defaulted, optional, required } from '../configuration/shape.ts'
import { choice, filledText, flag, httpUrl, text } from '../configuration/value-shapes.ts'
import { defineCheckType } from './check-type.ts'
import { judgeConditions } from './conditions-judge.ts'

const conditions = condition(httpPlaceholders)

export const http = defineCheckType({
  measures: 'the answer of an HTTP server, by conditions',
  explains: 'self',
  onTimeout: 'failed',
  pool: 'network',
  keys: {
    url: required(httpUrl, 'The address.'),
    method: defaulted(
      choice('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
      'The method.',
      'GET',
    ),
    headers: optional(anyKeys(text), 'Headers to send.'),
    body: optional(text, 'The body to send.'),
    tls: optional(
      record(
        {
          verify: defaulted(flag, 'Whether the certificate must be good.', true),
          ca_file: optional(filledText, 'The authority to trust, a PEM file.'),
        },
        'TLS settings',
      ),
      'How to speak TLS.',
    ),
    conditions: defaulted(
      list(conditions, { atLeast: 1 }),
      'Conditions of Gatus, all of which must hold: `[STATUS] == 200`, `[BODY].lag < 100`.',
      ['[STATUS] < 400'],
    ),
    degraded_conditions: defaulted(list(conditions), 'Conditions whose failure only makes it DEGRADED.', []),
  },
  judge: (parameters, measured: Measured) =>
    judgeConditions(parameters.conditions, parameters.degraded_conditions, measured),
})
