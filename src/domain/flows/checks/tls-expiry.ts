import { defaulted, optional, required } from '../configuration/shape.ts'
import { filledText, integer } from '../configuration/value-shapes.ts'
import { durationInWords } from '../time/duration.ts'
import { fail } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { durationLimits, judgeAtLeast } from './limits.ts'

export interface TlsMeasurement {
  /** Milliseconds since 1970 UTC. */
  readonly validFrom: number
  readonly validTo: number
  readonly subject: string
}

export const tlsExpiry = defineCheckType({
  measures: 'how long a certificate is still valid',
  unit: 'ms',
  explains: 'self',
  onTimeout: 'failed',
  pool: 'network',
  keys: {
    host: required(filledText, 'Name or address.'),
    port: defaulted(integer(1, 65535), 'The port.', 443),
    server_name: optional(filledText, 'The name to ask for (SNI), where it is not the host.'),
    valid_for: required(durationLimits, 'The least time it has to stay valid.'),
  },
  judge({ valid_for: limits }, { validFrom, validTo, subject }: TlsMeasurement, { now }) {
    const evidence = [{ label: 'certificate', value: subject }]
    if (validFrom > now) return fail('bad_value', 'The certificate is not valid yet.', { evidence })
    if (validTo <= now) return fail('limit', 'The certificate has expired.', { evidence, value: 0 })
    return {
      ...judgeAtLeast(limits, validTo - now, 'The certificate stays valid', durationInWords),
      evidence,
    }
  },
})
