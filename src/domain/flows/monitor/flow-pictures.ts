import { createHash } from 'node:crypto'
import type { Check } from '../flow.ts'
import { assessFlow, type FlowAssessment } from '../state/assess-flow.ts'
import type { CheckMemory, CheckView } from '../state/check-state.ts'
import type { FlowPicture, WatchedFlow } from './flow-monitor.ts'

/** What time alone changes is looked at this often. */
const freshForMs = 1_000

interface Kept {
  readonly meaning: string
  readonly memory: CheckMemory
}

/** The flows of one process with what is remembered of their checks, drawn together into pictures when asked. */
export class FlowPictures {
  readonly #clock: () => number
  readonly #memories = new Map<string, Map<string, Kept>>()
  readonly #pictures = new Map<
    string,
    { readonly picture: FlowPicture; readonly shown: string; stale: boolean }
  >()
  /** The last number of flows that went: one that comes back goes on from it, or what is new of it would look old. */
  readonly #gone = new Map<string, number>()
  #flows: ReadonlyMap<string, WatchedFlow> = new Map()
  #meanings: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map()

  /** @param clock milliseconds since 1970 UTC */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** The flows from now on, all at once. What is remembered stays for every check that still means the same. */
  configure(flows: readonly WatchedFlow[]): void {
    this.#flows = new Map(flows.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map((flow) => [flow.id, flow]))
    this.#meanings = new Map(
      flows.map(({ id, flow }) => [id, new Map(flow.checks.map((check) => [check.id, meaningOf(check)]))]),
    )
    for (const [id, memories] of this.#memories) {
      for (const [check, { meaning }] of memories) {
        if (this.meaning(id, check) !== meaning) memories.delete(check)
      }
      if (memories.size === 0) this.#memories.delete(id)
    }
    for (const [id, { picture }] of this.#pictures) {
      if (this.#flows.has(id)) continue
      this.#gone.set(id, picture.seq)
      this.#pictures.delete(id)
    }
    this.#staleAll()
  }

  /** Takes over what is now remembered of a check; ignored where there is no such check. */
  remember(flowId: string, checkId: string, memory: CheckMemory): void {
    const meaning = this.meaning(flowId, checkId)
    if (meaning === undefined) return
    const memories = this.#memories.get(flowId) ?? new Map<string, Kept>()
    this.#memories.set(flowId, memories)
    memories.set(checkId, { meaning, memory })
    const known = this.#pictures.get(flowId)
    if (known !== undefined) known.stale = true
  }

  watched(flowId: string): WatchedFlow | undefined {
    return this.#flows.get(flowId)
  }

  /** What a check means as it is configured; undefined: there is none. */
  meaning(flowId: string, checkId: string): string | undefined {
    return this.#meanings.get(flowId)?.get(checkId)
  }

  memory(flowId: string, checkId: string): CheckMemory | undefined {
    return this.#memories.get(flowId)?.get(checkId)?.memory
  }

  /** By id. */
  list(): readonly WatchedFlow[] {
    return [...this.#flows.values()]
  }

  /** The flow as it is now; at most a second old where nothing came in. */
  picture(id: string): FlowPicture | undefined {
    const watched = this.#flows.get(id)
    if (watched === undefined) return undefined
    const known = this.#pictures.get(id)
    const now = this.#clock()
    const age = known === undefined ? Number.POSITIVE_INFINITY : now - known.picture.at
    // An age below zero is a clock that was set back.
    if (known !== undefined && !known.stale && age >= 0 && age < freshForMs) return known.picture
    const memories = new Map(
      [...(this.#memories.get(id) ?? [])].map(([check, kept]): [string, CheckMemory] => [check, kept.memory]),
    )
    const assessment = assessFlow(watched.flow, memories, now)
    const shown = whatShows(watched, assessment)
    const before = known?.picture.seq ?? this.#gone.get(id) ?? 0
    const seq = before + (known?.shown === shown ? 0 : 1)
    const picture = { watched, assessment, seq, at: now }
    this.#pictures.set(id, { picture, shown, stale: false })
    return picture
  }

  #staleAll(): void {
    for (const known of this.#pictures.values()) known.stale = true
  }
}

/** What a check measures and how it is judged: two checks of one meaning share their history. Hex. */
export const meaningOf = (check: Check): string => {
  const known = meanings.get(check)
  if (known !== undefined) return known
  const { description, owner, runbook, tags, alerts, enabled, detectionBudget, ...rest } = check
  const meaning = createHash('sha256').update(JSON.stringify(rest)).digest('hex')
  meanings.set(check, meaning)
  return meaning
}
const meanings = new WeakMap<Check, string>()

/** Takes over what checks mean, in their order, from whoever read them. */
export function keepMeanings(checks: readonly Check[], known: readonly string[]): void {
  for (const [at, check] of checks.entries()) {
    const meaning = known[at]
    if (meaning !== undefined) meanings.set(check, meaning)
  }
}

/** What anybody can see of a flow, without the moment at which it was looked at. */
const whatShows = ({ hash, refused }: WatchedFlow, { checks, ...rest }: FlowAssessment): string =>
  JSON.stringify([
    hash,
    refused?.at,
    rest.state,
    rest.sentence,
    rest.processes.map(({ because, failures, passes, starvesIn, ...process }) => [
      process,
      starvesIn === undefined ? undefined : Math.round(starvesIn / 60_000),
    ]),
    [...checks].map(([id, view]) => [id, viewInText(view)]),
  ])

const texts = new WeakMap<CheckView, string>()

/** What anybody can see of a check; a view is made once for each result, so that this is written once as well. */
function viewInText(shown: CheckView): string {
  const known = texts.get(shown)
  if (known !== undefined) return known
  const { memory, past, knownFrom, ...view } = shown
  const text = JSON.stringify([view, memory?.result.value, memory?.result.evidence])
  texts.set(shown, text)
  return text
}
