import type { CheckRunner } from '../../domain/flows/checks/check-runner.ts'
import type { HeartbeatPings } from '../../domain/flows/checks/heartbeat-pings.ts'
import { checkTypes } from '../../domain/flows/checks/registry.ts'
import { untilAborted } from './deadline.ts'

export const heartbeatRunner = (pings: HeartbeatPings): CheckRunner<'heartbeat'> => ({
  run: (parameters, context) =>
    untilAborted(context.signal, 'The pings of the job could not be read in time.', async () =>
      checkTypes.heartbeat.judge(parameters, await pings.read(parameters.token), context),
    ),
})
