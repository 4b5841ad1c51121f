import { optional } from '../configuration/shape.ts'
import { matching } from '../configuration/value-shapes.ts'
import { couldNotTell, fail, pass, warn } from './check-result.ts'
import { defineCheckType } from './check-type.ts'

// The name becomes an argument of systemctl or docker: one that begins with a dash would be an option.
const serviceName = matching(
  'a name of a service',
  /^[A-Za-z0-9._@][A-Za-z0-9._@-]{0,127}$/,
  'Letters, digits and . _ @ -, and no dash first.',
)

export interface ServiceMeasurement {
  /** What systemd or the container engine calls it: `active`, `failed`, `running`, `exited`… */
  readonly state: string
}

export const service = defineCheckType({
  measures: 'whether a systemd unit or a container runs',
  explains: 'self',
  onTimeout: 'unknown',
  pool: 'machine',
  keys: {
    unit: optional(serviceName, 'The systemd unit.'),
    container: optional(serviceName, 'Instead of unit: the container.'),
  },
  wrong: ({ unit, container }) =>
    (unit === undefined) === (container === undefined) ? 'Give unit or container, one of both.' : undefined,
  judge({ unit, container }, { state }: ServiceMeasurement) {
    const name = unit ?? container ?? ''
    if (['active', 'running', 'healthy'].includes(state))
      return pass(`${name} is ${state}.`, { observed: state })
    if (['activating', 'reloading', 'restarting', 'starting', 'refreshing'].includes(state)) {
      return warn('reported', `${name} is ${state}.`, { observed: state, expected: 'active' })
    }
    if (
      [
        'inactive',
        'deactivating',
        'failed',
        'exited',
        'dead',
        'paused',
        'created',
        'unhealthy',
        'maintenance',
      ].includes(state)
    ) {
      return fail('reported', `${name} is ${state}.`, { observed: state, expected: 'active' })
    }
    return couldNotTell('bad_value', `${name} is in a state that is not known here.`, { observed: state })
  },
})
