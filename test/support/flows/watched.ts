import { createHash } from 'node:crypto'
import type { CheckResult } from '../../../src/domain/flows/checks/check-result.ts'
import { readFlow } from '../../../src/domain/flows/configuration/read-flow.ts'
import type { FlowMonitor, RefusedFile, WatchedFlow } from '../../../src/domain/flows/monitor/flow-monitor.ts'
import { FlowPictures } from '../../../src/domain/flows/monitor/flow-pictures.ts'
import { remember } from '../../../src/domain/flows/state/check-state.ts'

/** A right flow file as the portal watches it. */
export function watched(text: string, { loadedAt = 0, file = 'test.yaml' } = {}): WatchedFlow {
  const { flow, mistakes } = readFlow(text, file, {})
  if (flow === undefined) throw new Error(mistakes.map((mistake) => mistake.message).join('\n'))
  const hash = createHash('sha256').update(text).digest('hex')
  return { id: flow.id, file, flow, text, hash, loadedAt, warnings: mistakes, refused: undefined }
}

/** Flows whose results a test plays; nothing is run by itself. */
export interface PlayedFlows {
  readonly monitor: FlowMonitor
  /** What a check found now. */
  play(flowId: string, checkId: string, result: CheckResult): void
  configure(flows: readonly WatchedFlow[], refused?: readonly RefusedFile[]): void
  /** Checks whose run was asked for, `flow/check`. */
  readonly asked: readonly string[]
}

export function playedFlows(flows: readonly WatchedFlow[], clock: () => number): PlayedFlows {
  const pictures = new FlowPictures(clock)
  pictures.configure(flows)
  let refusedFiles: readonly RefusedFile[] = []
  const asked: string[] = []
  const wakers = new Set<() => void>()
  const tell = () => {
    for (const wake of wakers) wake()
  }
  const checkOf = (flowId: string, checkId: string) =>
    pictures
      .list()
      .find(({ id }) => id === flowId)
      ?.flow.checks.find(({ id }) => id === checkId)
  return {
    asked,
    configure(next, refused = []) {
      refusedFiles = refused
      pictures.configure(next)
      tell()
    },
    play(flowId, checkId, result) {
      const check = checkOf(flowId, checkId)
      if (check === undefined) throw new Error(`no check ${flowId}/${checkId}`)
      pictures.remember(flowId, checkId, remember(pictures.memory(flowId, checkId), check, result, clock()))
      tell()
    },
    monitor: {
      bootId: 'boot_test',
      list: () => pictures.list(),
      refusedFiles: () => refusedFiles,
      picture: (id) => pictures.picture(id),
      scheduler: () => ({ lagMs: 0, overdue: 0, seenAt: clock(), isStalled: false }),
      async *changes(_id, signal) {
        while (!signal.aborted) {
          await new Promise<void>((resolve) => {
            const wake = () => {
              wakers.delete(wake)
              signal.removeEventListener('abort', wake)
              resolve()
            }
            wakers.add(wake)
            signal.addEventListener('abort', wake, { once: true })
          })
          if (!signal.aborted) yield
        }
      },
      async checkNow(flowId, checkId) {
        if (checkOf(flowId, checkId) === undefined) return false
        asked.push(`${flowId}/${checkId}`)
        return true
      },
    },
  }
}
