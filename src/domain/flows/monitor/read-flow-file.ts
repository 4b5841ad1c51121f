import { createHash } from 'node:crypto'
import type { Mistake } from '../configuration/located.ts'
import { standInVariables } from '../configuration/own-variables.ts'
import { readFlow } from '../configuration/read-flow.ts'
import type { Values } from '../configuration/variables.ts'
import type { Flow } from '../flow.ts'
import { meaningOf } from './flow-pictures.ts'

/** A file of a flow as it is to be read. */
export interface FlowFile {
  readonly file: string
  readonly text: string
  /** What variables are looked up in. */
  readonly environment: Values
}

/** What a file says; made of data only, so that a thread can hand it over. */
export interface FileReading {
  /** undefined: there is an error among the mistakes. */
  readonly flow: Flow | undefined
  readonly mistakes: readonly Mistake[]
  /** SHA-256 of the text, hex. */
  readonly hash: string
  /** What each check means, in the order of the flow. */
  readonly meanings: readonly string[]
  /** It took too much: on a machine that was busy or frozen another try may be better. */
  readonly mayPass?: true
}

/** Reads a file away from everybody else; answers a reading also where it took too much, with what to do as its mistake. */
export type ReadFlowFile = (given: FlowFile, signal: AbortSignal) => Promise<FileReading>

/** Reads a file where it is called: for a thread that may be ended over it. */
export function readFlowFile({ file, text, environment }: FlowFile): FileReading {
  const { flow, mistakes } = readFlow(text, file, environment)
  const hash = createHash('sha256').update(text).digest('hex')
  if (flow === undefined) return { flow, mistakes, hash, meanings: [] }
  // Where a process reaches its own portal is no part of what a check means: the next process, and this one after a
  // restart, reach it elsewhere and yet share what is remembered.
  const isOfPlace = Object.keys(standInVariables).some((name) => text.includes(name))
  const elsewhere = isOfPlace ? readFlow(text, file, { ...environment, ...standInVariables }).flow : undefined
  const meanings = flow.checks.map((check, at) => {
    const twin = elsewhere?.checks[at]
    return meaningOf(twin?.id === check.id ? twin : check)
  })
  return { flow, mistakes, hash, meanings }
}
