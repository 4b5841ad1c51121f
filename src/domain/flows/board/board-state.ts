import { firstError, type Mistake } from '../configuration/located.ts'
import type { FlowPicture, SchedulerState } from '../monitor/flow-monitor.ts'
import type { ProcessAssessment } from '../state/assess-flow.ts'
import { nextToStarve } from '../state/headline.ts'
import { durationInWords } from '../time/duration.ts'
import { type Look, lookOfProcess, type ProcessLook } from './process-look.ts'

export type Worst = 'failed' | 'unknown' | 'degraded' | 'healthy'

/** Everything that changes on a board, in words: the page is drawn from it, and so is every update of it. */
export interface BoardState {
  readonly worst: Worst
  /** The sentence for the room, with the name of the root cause taken out of its middle; `name` may be empty. */
  readonly headline: {
    readonly before: string
    readonly name: string
    readonly after: string
    /** How large it is written: a long one smaller, so that it leaves the wall to the processes. */
    readonly size: 'l' | 'm' | 's'
  }
  /** What is said below it; may be empty. */
  readonly because: string
  /** What is wrong with the monitor itself; empty: nothing. */
  readonly warning: string
  /** For the tab of the browser. */
  readonly title: string
  /** The drawing in the tab: `failed-3`. */
  readonly icon: string
  readonly counts: Readonly<Record<Look, number>>
  /** In the order of the configuration. */
  readonly processes: readonly ProcessLook[]
  /** In the order of the connections. */
  readonly tracks: readonly ('flows' | 'starved' | 'at-risk')[]
}

/** What a board shows of a flow at a moment. */
export function boardState(picture: FlowPicture, scheduler: SchedulerState, now: number): BoardState {
  const { assessment, watched } = picture
  const { flow } = watched
  const names = new Map(flow.processes.map(({ id, name }) => [id, name]))
  const processes = assessment.processes.map((process) =>
    lookOfProcess(process, names, now, flow.board.at_risk_below),
  )
  const counts = countLooks(processes)
  const lookById = new Map(processes.map(({ id, look }) => [id, look]))
  // What is green was green when somebody last looked.
  const isBlind = scheduler.isStalled && assessment.state !== 'FAILED'
  const named = namedFirst(assessment.sentence, assessment.processes)
  return {
    worst: isBlind ? 'unknown' : worstOf[assessment.state],
    headline: sized(
      isBlind
        ? { before: nothingChecked(scheduler, now), name: '', after: '' }
        : flow.board.headline
          ? partsOf(assessment.sentence, named)
          : { before: flow.name, name: '', after: '' },
    ),
    because: [causeOf(named?.process), whoStarves(picture)].filter((each) => each !== '').join(' '),
    warning: [isBlind ? '' : late(scheduler, now), refused(watched.refused?.mistakes)]
      .filter((each) => each !== '')
      .join(' · '),
    title: isBlind
      ? `(?) Nothing is checked · ${flow.name}`
      : titleOf(processes, names, flow.name, named?.process),
    icon: isBlind
      ? 'unknown'
      : counts.failed > 0
        ? `failed-${Math.min(counts.failed, 9)}`
        : worstOf[assessment.state],
    counts,
    processes,
    tracks: flow.connections.map(({ from, to }) => {
      const below = assessment.processes.find(({ id }) => id === to)
      const isStarved = below?.causedBy.some(({ path }) => follows(path, from, to)) === true
      const look = lookById.get(to)
      if (!isStarved) return 'flows'
      return look === 'waits' ? 'starved' : look === 'at-risk' ? 'at-risk' : 'flows'
    }),
  }
}

const worstOf = { FAILED: 'failed', UNKNOWN: 'unknown', DEGRADED: 'degraded', HEALTHY: 'healthy' } as const

function countLooks(processes: readonly ProcessLook[]): Readonly<Record<Look, number>> {
  const counts = { failed: 0, confirming: 0, waits: 0, unknown: 0, degraded: 0, 'at-risk': 0, healthy: 0 }
  for (const { look } of processes) counts[look]++
  return counts
}

const follows = (path: readonly string[], from: string, to: string) =>
  path.some((id, at) => id === from && path[at + 1] === to)

type HeadlineParts = Omit<BoardState['headline'], 'size'>

function sized(parts: HeadlineParts): BoardState['headline'] {
  const length = parts.before.length + parts.name.length + parts.after.length
  return { ...parts, size: length <= 40 ? 'l' : length <= 60 ? 'm' : 's' }
}

interface Named {
  readonly process: ProcessAssessment
  readonly name: string
  readonly at: number
}

/** The process that the sentence names first: everything else on the board speaks of the same one. */
function namedFirst(sentence: string, processes: readonly ProcessAssessment[]): Named | undefined {
  const [first] = processes
    .filter(({ role, state }) => role === 'root' || state === 'UNKNOWN')
    .map((process): Named => {
      const name = process.name.toUpperCase()
      return { process, name, at: wholeAt(sentence, name) }
    })
    .filter(({ at }) => at >= 0)
    // The longer of two that begin alike: “SPARK STREAMING”, not “SPARK”.
    .toSorted((a, b) => a.at - b.at || b.name.length - a.name.length)
  return first
}

/** Where a name stands, not where a word begins or ends like it: “N” is not in “Nothing”. */
function wholeAt(sentence: string, name: string): number {
  const isWord = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}]/u.test(character)
  for (let at = sentence.indexOf(name); at >= 0; at = sentence.indexOf(name, at + 1)) {
    if (!isWord(sentence[at - 1]) && !isWord(sentence[at + name.length])) return at
  }
  return -1
}

/** Takes the loud name out of the sentence, so that it can stand on its own ground. */
function partsOf(sentence: string, named: Named | undefined): HeadlineParts {
  if (named === undefined) return { before: sentence, name: '', after: '' }
  const { name, at } = named
  return {
    before: sentence.slice(0, at).trim(),
    name,
    after: sentence.slice(at + name.length).trim(),
  }
}

const causeOf = (root: ProcessAssessment | undefined): string => {
  const message = root?.because[0]?.view.message
  return root === undefined || message === undefined ? '' : `${root.name}: ${sentenceOf(message)}`
}

const sentenceOf = (text: string) => (/[.!?”]$/.test(text) ? text : `${text}.`)

/** Said below, where the headline has no room for it. */
function whoStarves({ assessment, watched: { flow } }: FlowPicture): string {
  const next = nextToStarve(assessment.processes, {
    connections: flow.connections,
    atRiskBelow: flow.board.at_risk_below,
  })
  if (next?.starvesIn === undefined || assessment.sentence.includes('starves in')) return ''
  return `${next.name} starves in ${durationInWords(next.starvesIn)}.`
}

function late(scheduler: SchedulerState, now: number): string {
  if (scheduler.isStalled) return nothingChecked(scheduler, now)
  const { overdue } = scheduler
  return overdue === 0 ? '' : `The checks are late: ${overdue} ${overdue === 1 ? 'is' : 'are'} overdue`
}

const nothingChecked = ({ seenAt }: SchedulerState, now: number): string =>
  seenAt === undefined
    ? 'Nothing is checked: no process runs the checks'
    : `Nothing has been checked for ${durationInWords(now - seenAt)}`

/** “config refused: line 41, health_checks[7].max_aeg, did you mean max_age?” */
function refused(mistakes: readonly Mistake[] | undefined): string {
  const errors = mistakes?.filter(({ severity }) => severity === 'error') ?? []
  const first = firstError(errors)
  if (first === undefined) return mistakes === undefined ? '' : 'config refused'
  const where = first.path === '' ? '' : `, ${first.path}`
  const what =
    first.suggestion === undefined
      ? `: ${first.message.replace(/\.$/, '')}`
      : `, did you mean ${first.suggestion}?`
  const more = errors.length === 1 ? '' : `, and ${errors.length - 1} more`
  return `config refused: line ${first.line}${where}${what}${more}`
}

const signFor = { failed: '', waits: '', unknown: '?', degraded: '!' } as const

/** “(1) UNZIP failed · Helicopter RDF ingestion” */
function titleOf(
  processes: readonly ProcessLook[],
  names: ReadonlyMap<string, string>,
  flow: string,
  named: ProcessAssessment | undefined,
): string {
  for (const look of ['failed', 'waits', 'unknown', 'degraded'] as const) {
    const such = processes.filter((process) => process.look === look)
    const first = such.find(({ id }) => id === named?.id) ?? such[0]
    if (first === undefined) continue
    const name = (names.get(first.id) ?? first.id).toUpperCase()
    const word = look === 'failed' ? 'failed' : first.word.toLowerCase()
    return `(${such.length}${signFor[look]}) ${name} ${word} · ${flow}`
  }
  return flow
}
