import { readFileSync } from 'node:fs'
import { checkRunners, type OpenCheckRunners } from '../../src/adapters/checks/index.ts'
import { isMeasured, runCheck } from '../../src/adapters/checks/run-check.ts'
import type { HeartbeatPings } from '../../src/domain/flows/checks/heartbeat-pings.ts'
import { readFlow } from '../../src/domain/flows/configuration/read-flow.ts'
import type { Values } from '../../src/domain/flows/configuration/variables.ts'
import type { Flow } from '../../src/domain/flows/flow.ts'
import { assessFlow, type FlowAssessment } from '../../src/domain/flows/state/assess-flow.ts'
import { type CheckMemory, remember } from '../../src/domain/flows/state/check-state.ts'

/** A flow whose checks really run, all of them once whenever it is looked at. */
export interface FlowOnce {
  readonly flow: Flow
  /**
   * Runs every check and says what the board would say.
   * @param now the time the checks are told; later than it is, what stands still is old
   */
  look(now?: number): Promise<FlowAssessment>
  close(): Promise<void>
}

/** @param pings what jobs told; without it every job reported just now */
export function openFlow(text: string, variables: Values, pings?: HeartbeatPings): FlowOnce {
  const { flow, mistakes } = readFlow(text, 'flow.yaml', variables)
  if (flow === undefined)
    throw new Error(JSON.stringify(mistakes.filter(({ severity }) => severity === 'error')))
  const heard: HeartbeatPings = {
    read: async () => ({ lastSuccessAt: Date.now(), listeningSince: Date.now() }),
  }
  const runners: OpenCheckRunners = checkRunners({
    settings: { pluginFolders: [], baseFolder: process.cwd() },
    pings: pings ?? heard,
  })
  return {
    flow,
    async look(now = Date.now()) {
      const memories = new Map<string, CheckMemory>()
      for (const check of flow.checks.filter(isMeasured)) {
        const result = await runCheck(runners, check, { now, timezone: flow.timezone })
        let memory: CheckMemory | undefined
        // Each look stands by itself: as many equal results as confirm one.
        for (let row = 0; row < Math.max(check.failureThreshold, check.successThreshold); row++) {
          memory = remember(memory, check, result, now)
        }
        if (memory !== undefined) memories.set(check.id, memory)
      }
      return assessFlow(flow, memories, now)
    },
    close: () => runners.close(),
  }
}

export const shippedFlow = (path: string): string =>
  readFileSync(new URL(`../../config/${path}`, import.meta.url), 'utf8')

/** Every process and its state; of those that are not well, the role and what is said too. */
export const statesOf = ({ processes }: FlowAssessment): Record<string, string> =>
  Object.fromEntries(
    processes.map(({ id, state, role }) => [id, role === 'none' ? state : `${state} ${role}`]),
  )
