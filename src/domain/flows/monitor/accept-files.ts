import { type Mistake, wholeFile } from '../configuration/located.ts'
import type { RefusedFile, WatchedFlow } from './flow-monitor.ts'
import { keepMeanings } from './flow-pictures.ts'
import type { FileReading } from './read-flow-file.ts'

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
 * @param readingOf what a text says; undefined: that is not known yet, and until then it changes nothing either
 */
export function acceptFiles(
  before: AcceptedFiles,
  files: readonly GivenFile[],
  readingOf: (file: string, text: string) => FileReading | undefined,
  now: number,
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
    const known = old?.refused ?? before.refused.find(({ file }) => file === given.file)
    const reading = read(given, old, taken, readingOf, now)
    if (reading === undefined) {
      if (old !== undefined) flows.push(old)
      else if (known !== undefined) refused.push(known)
      continue
    }
    if ('watched' in reading) {
      flows.push(reading.watched)
      if (old !== undefined && old.id !== reading.watched.id) taken.delete(old.id)
      taken.set(reading.watched.id, given.file)
      continue
    }
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

function read(
  given: GivenFile,
  old: WatchedFlow | undefined,
  taken: ReadonlyMap<string, string>,
  readingOf: (file: string, text: string) => FileReading | undefined,
  now: number,
): Reading | undefined {
  const { file } = given
  if ('problem' in given) return { text: '', mistakes: [wholeFile(file, given.problem)] }
  const { text } = given
  if (old?.text === text) return { watched: old.refused === undefined ? old : { ...old, refused: undefined } }
  const reading = readingOf(file, text)
  if (reading === undefined) return undefined
  const { flow, mistakes, hash, meanings } = reading
  if (flow === undefined) return { text, mistakes }
  keepMeanings(flow.checks, meanings)
  const other = taken.get(flow.id)
  if (other !== undefined && other !== file) {
    const message = `The flow ${flow.id} is in ${other} already. Give this one another id.`
    return { text, mistakes: [...mistakes, wholeFile(file, message, 'flow.id')] }
  }
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
