import { createHash } from 'node:crypto'
import { type Mistake, wholeFile } from '../configuration/located.ts'
import { standInVariables } from '../configuration/own-variables.ts'
import { readFlow } from '../configuration/read-flow.ts'
import type { Values } from '../configuration/variables.ts'
import type { RefusedFile, WatchedFlow } from './flow-monitor.ts'
import { shareMeanings } from './flow-pictures.ts'

/** A file as it is now. */
export type GivenFile =
  | {
      readonly file: string
      readonly text: string
      /** Since when it is in force, where that is known. */
      readonly at?: number
    }
  | { readonly file: string; readonly problem: string }

/** The flows in force, and the files that stand for none. */
export interface AcceptedFiles {
  readonly flows: readonly WatchedFlow[]
  readonly refused: readonly RefusedFile[]
}

export const nothingAccepted: AcceptedFiles = { flows: [], refused: [] }

/**
 * The flows in force once the files are as given. A file that is wrong changes nothing: what it last said goes on. A
 * file that is not there any more is a flow less.
 * @param environment what variables are looked up in
 * @param faulted told of a file whose reading failed by a fault of ours; it counts as refused, and the others are read
 */
export function acceptFiles(
  before: AcceptedFiles,
  files: readonly GivenFile[],
  environment: Values,
  now: number,
  faulted: (file: string, error: unknown) => void = () => {},
): AcceptedFiles {
  const flows: WatchedFlow[] = []
  const refused: RefusedFile[] = []
  const inForce = new Map(before.flows.map((flow) => [flow.file, flow]))
  const present = new Set(files.map(({ file }) => file))
  const taken = new Map<string, string>()
  // Whoever runs already keeps its name against a newcomer, whatever the order of the files.
  for (const flow of before.flows) if (present.has(flow.file)) taken.set(flow.id, flow.file)
  for (const given of files) {
    const old = inForce.get(given.file)
    const reading = readGuarded(given, old, taken, { environment, now, faulted })
    if ('watched' in reading) {
      flows.push(reading.watched)
      if (old !== undefined && old.id !== reading.watched.id) taken.delete(old.id)
      taken.set(reading.watched.id, given.file)
      continue
    }
    const known = old?.refused ?? before.refused.find(({ file }) => file === given.file)
    // Refused once, however often it is looked at.
    const refusal =
      known?.text === reading.text && sameMistakes(known.mistakes, reading.mistakes)
        ? known
        : { file: given.file, ...reading, at: now }
    if (old === undefined) refused.push(refusal)
    else flows.push(old.refused === refusal ? old : { ...old, refused: refusal })
  }
  return { flows, refused }
}

type Reading =
  | { readonly watched: WatchedFlow }
  | { readonly text: string; readonly mistakes: readonly Mistake[] }

interface Circumstances {
  readonly environment: Values
  readonly now: number
  readonly faulted: (file: string, error: unknown) => void
}

/** Whatever a file does to its reader: the other files are read, and what runs goes on. */
function readGuarded(
  given: GivenFile,
  old: WatchedFlow | undefined,
  taken: ReadonlyMap<string, string>,
  circumstances: Circumstances,
): Reading {
  try {
    return read(given, old, taken, circumstances)
  } catch (error) {
    circumstances.faulted(given.file, error)
    const message = 'Reading this file failed by a fault of Signalbox itself; its log says more.'
    return { text: 'text' in given ? given.text : '', mistakes: [wholeFile(given.file, message)] }
  }
}

function read(
  given: GivenFile,
  old: WatchedFlow | undefined,
  taken: ReadonlyMap<string, string>,
  { environment, now }: Circumstances,
): Reading {
  const { file } = given
  if ('problem' in given) return { text: '', mistakes: [wholeFile(file, given.problem)] }
  const { text } = given
  if (old?.text === text) return { watched: old.refused === undefined ? old : { ...old, refused: undefined } }
  const { flow, mistakes } = readFlow(text, file, environment)
  if (flow === undefined) return { text, mistakes }
  // Where a process reaches its own portal is no part of what a check means: the next process, and this one after a
  // restart, reach it elsewhere and yet share what is remembered.
  const isOfPlace = Object.keys(standInVariables).some((name) => text.includes(name))
  const elsewhere = isOfPlace ? readFlow(text, file, { ...environment, ...standInVariables }).flow : undefined
  if (elsewhere !== undefined) shareMeanings(flow.checks, elsewhere.checks)
  const other = taken.get(flow.id)
  if (other !== undefined && other !== file) {
    const message = `The flow ${flow.id} is in ${other} already. Give this one another id.`
    return { text, mistakes: [...mistakes, wholeFile(file, message, 'flow.id')] }
  }
  const hash = createHash('sha256').update(text).digest('hex')
  return {
    watched: {
      id: flow.id,
      file,
      flow,
      text,
      hash,
      loadedAt: given.at ?? now,
      warnings: mistakes,
      refused: undefined,
    },
  }
}

const sameMistakes = (some: readonly Mistake[], others: readonly Mistake[]): boolean =>
  JSON.stringify(some) === JSON.stringify(others)
