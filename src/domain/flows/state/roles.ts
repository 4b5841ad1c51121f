import type { Connection } from '../flow.ts'
import type { State } from './state.ts'

/** What the roles of a flow follow from, process by process. */
export interface ProcessFacts {
  readonly id: string
  readonly state: State
  /** The state if what is confirming were confirmed. */
  readonly suspected: State
  /** A check of its own (port, service, disk) is as bad as the process. */
  readonly ownFault: boolean
  /** A check that may fail because of what is above (freshness, volume) is as bad as the process. */
  readonly starved: boolean
  /** Such a check passes: what should arrive does arrive. */
  readonly fed: boolean
  /** false: it has never been looked at, so it blames nobody and is blamed for nothing. */
  readonly evaluated: boolean
  /** When it last left FAILED, if it is well now. */
  readonly recoveredAt?: number
  /** Milliseconds until a check fails because nothing arrives. */
  readonly starvesIn?: number
}

export type Role = 'root' | 'consequence' | 'at_risk' | 'none'

export interface Cause {
  readonly process: string
  /** From the cause to the process, both included. */
  readonly path: readonly string[]
}

export interface RoleOf {
  readonly role: Role
  /** It waits for what is already mended. */
  readonly draining: boolean
  /** It rests on a failure that is still confirming. */
  readonly probable: boolean
  readonly causedBy: readonly Cause[]
  readonly starvesIn?: number
}

interface FoundCause extends Cause {
  readonly draining: boolean
  readonly confirmed: boolean
}

/** The role of every process. Roles change who is told, never what is checked or stored. */
export function assignRoles(
  facts: readonly ProcessFacts[],
  connections: readonly Connection[],
  now: number,
): ReadonlyMap<string, RoleOf> {
  const causes = new Causes(facts, connections, now)
  return new Map(facts.map((process) => [process.id, roleOf(process, causes)]))
}

function roleOf(process: ProcessFacts, causes: Causes): RoleOf {
  const none: RoleOf = { role: 'none', draining: false, probable: false, causedBy: [] }
  if (!process.evaluated) return none
  const probable = process.suspected !== process.state
  if (process.suspected === 'HEALTHY') {
    const above = causes.of(process.id, 'risk')
    if (above.length === 0) return none
    return {
      role: 'at_risk',
      draining: false,
      probable: above.every((cause) => !cause.confirmed),
      causedBy: above.map(plain),
      ...(process.starvesIn === undefined ? {} : { starvesIn: process.starvesIn }),
    }
  }
  const above = process.starved ? causes.of(process.id, wantedBy(process.suspected)) : []
  if (process.ownFault || above.length === 0) {
    return { ...none, role: 'root', probable, causedBy: above.map(plain) }
  }
  return {
    role: 'consequence',
    draining: above.every((cause) => cause.draining),
    probable: probable || above.every((cause) => !cause.confirmed),
    causedBy: above.map(plain),
  }
}

const plain = ({ process, path }: FoundCause): Cause => ({ process, path })

/** UNKNOWN above explains UNKNOWN below, and nothing else. */
type Wanted = 'failure' | 'unknown' | 'risk'
const wantedBy = (state: State): Wanted => (state === 'UNKNOWN' ? 'unknown' : 'failure')

/** Walks up from a process to the nearest roots. The graph has no circle, so every walk ends. */
class Causes {
  readonly #facts: ReadonlyMap<string, ProcessFacts>
  readonly #incoming: ReadonlyMap<string, readonly Connection[]>
  readonly #now: number
  readonly #known = new Map<string, readonly FoundCause[]>()

  constructor(facts: readonly ProcessFacts[], connections: readonly Connection[], now: number) {
    this.#facts = new Map(facts.map((process) => [process.id, process]))
    const needed = connections.filter((connection) => !connection.optional)
    this.#incoming = Map.groupBy(needed, (connection) => connection.to)
    this.#now = now
  }

  of(id: string, wanted: Wanted): readonly FoundCause[] {
    const key = `${wanted} ${id}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const incoming = this.#incoming.get(id) ?? []
    const groups = Map.groupBy(
      incoming,
      (connection) => connection.redundancyGroup ?? `to ${connection.from}`,
    )
    const found: FoundCause[] = []
    for (const members of groups.values()) {
      const each = members.map((connection) => this.#through(connection, wanted))
      // Members stand in for each other: one that is good keeps the group good.
      if (each.every((causes) => causes.length > 0)) found.push(...each.flat())
    }
    const nearest = nearestOfEach(found)
    this.#known.set(key, nearest)
    return nearest
  }

  #through({ from, to, maxLag }: Connection, wanted: Wanted): FoundCause[] {
    const above = this.#facts.get(from)
    if (above === undefined) return []
    const further = (of: Wanted) =>
      this.of(from, of).map((cause) => ({ ...cause, path: [...cause.path, to] }))
    const bad =
      above.evaluated &&
      (above.suspected === 'FAILED' || (wanted === 'unknown' && above.suspected === 'UNKNOWN'))
    if (bad) {
      // What explains it here explains it below, and nothing else does.
      const beyond = above.starved ? further(wantedBy(above.suspected)) : []
      const confirmed = above.suspected === above.state
      const self = { process: from, path: [from, to], draining: false, confirmed }
      return above.ownFault || beyond.length === 0 ? [self, ...beyond] : beyond
    }
    const { recoveredAt } = above
    const isCatchingUp = recoveredAt !== undefined && maxLag > 0 && this.#now - recoveredAt <= maxLag
    if (wanted !== 'risk' && isCatchingUp) {
      return [{ process: from, path: [from, to], draining: true, confirmed: true }]
    }
    // What demonstrably gets its input hands no shortage on; that it may yet run dry is another matter.
    const isFed = above.fed && !above.starved
    return isFed && wanted !== 'risk' ? [] : further(wanted)
  }
}

/** Every cause once, by its shortest path. */
function nearestOfEach(found: readonly FoundCause[]): FoundCause[] {
  const nearest = new Map<string, FoundCause>()
  for (const cause of found) {
    const known = nearest.get(cause.process)
    if (known === undefined || cause.path.length < known.path.length) nearest.set(cause.process, cause)
  }
  return [...nearest.values()]
}
