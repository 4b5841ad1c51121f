import type { Mistake } from '../configuration/located.ts'
import type { Flow } from '../flow.ts'
import type { FlowAssessment } from '../state/assess-flow.ts'

/** A flow that is watched, as its file said when it was last right. */
export interface WatchedFlow {
  readonly id: string
  /** The file it comes from, relative to the folder of flows. */
  readonly file: string
  readonly flow: Flow
  /** The text that is in force. */
  readonly text: string
  /** SHA-256 of the text, hex: the drawing of a flow changes only with it. */
  readonly hash: string
  /** Milliseconds since 1970 UTC. */
  readonly loadedAt: number
  readonly warnings: readonly Mistake[]
  /** The file as it is now, where it was refused and the older text goes on. */
  readonly refused: RefusedFile | undefined
}

/** A file that is not taken over, with everything that is wrong with it. */
export interface RefusedFile {
  readonly file: string
  readonly text: string
  readonly mistakes: readonly Mistake[]
  /** When it was refused. */
  readonly at: number
}

/** All that is shown of a flow at a moment. */
export interface FlowPicture {
  readonly watched: WatchedFlow
  readonly assessment: FlowAssessment
  /** Rises with every change that can be seen, also with those that time alone makes. Counts from the start of the process. */
  readonly seq: number
  /** When it was assessed. */
  readonly at: number
}

/** How the process that runs the checks is doing. */
export interface SchedulerState {
  /** How late runs began lately, the 99th percentile, in milliseconds. */
  readonly lagMs: number
  /** Checks that should have run by now and have not. */
  readonly overdue: number
  /** When the process that runs the checks last said that it lives; undefined: no process has yet. */
  readonly seenAt: number | undefined
  /** Nothing was heard of it for too long: what is shown is only as good as its age. */
  readonly isStalled: boolean
}

/** What the portal knows of its flows. Every process answers the same, whichever runs the checks; asking runs none. */
export interface FlowMonitor {
  /** Made anew with every start of the process. */
  readonly bootId: string
  /** By id. */
  list(): readonly WatchedFlow[]
  /** Files that have never been right, so that no flow stands for them. */
  refusedFiles(): readonly RefusedFile[]
  picture(id: string): FlowPicture | undefined
  scheduler(): SchedulerState
  /**
   * Yields when the flow may look different (undefined: any of them), and at least every two seconds, because time
   * alone changes what is shown. What came meanwhile becomes one. Ends with the signal.
   */
  changes(id: string | undefined, signal: AbortSignal): AsyncIterable<void>
  /** Asks for a run of a check now, by whichever process runs them. False: there is no such check that can be run. */
  checkNow(flowId: string, checkId: string): Promise<boolean>
}
