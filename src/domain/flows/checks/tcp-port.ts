import { defaulted, optional, required } from '../configuration/shape.ts'
import { filledText, flag, integer } from '../configuration/value-shapes.ts'
import { fail, pass } from './check-result.ts'
import { defineCheckType } from './check-type.ts'

export interface TcpMeasurement {
  readonly connectedAfterMs: number
  /** What came back, as far as `expect` looks; absent when nothing was expected. */
  readonly answer?: string
}

export const tcpPort = defineCheckType({
  measures: 'whether a port takes connections, and answers as expected',
  unit: 'ms',
  explains: 'self',
  onTimeout: 'failed',
  pool: 'network',
  keys: {
    host: required(filledText, 'Name or address.'),
    port: required(integer(1, 65535), 'The port.'),
    send: optional(filledText, 'Text to send first.'),
    expect: optional(filledText, 'Text that the answer must contain.'),
    tls: defaulted(flag, 'Whether to speak TLS.', false),
  },
  judge({ host, port, expect }, { connectedAfterMs, answer }: TcpMeasurement) {
    if (expect !== undefined && !(answer ?? '').includes(expect)) {
      return fail('bad_value', `${host}:${port} answered something else.`, { value: connectedAfterMs })
    }
    return pass(`${host}:${port} takes connections.`, { value: connectedAfterMs })
  },
})
