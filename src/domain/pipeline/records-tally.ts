import type { Quarantined, RecordsOutcome } from './outcome.ts'
import type { ConversationLine, Origin } from './record-objects.ts'
import type { RecordStage, Stage } from './run.ts'
import type { ShardInput } from './shard.ts'

/** Books of one call: what went in and out of each stage, and what was found. */
export class RecordsTally {
  readonly #counts = new Map<Stage, { in: number; out: number }>()
  readonly #quarantined: Quarantined[] = []
  readonly #findings: Record<string, number> = {}
  #scoreSum = 0
  #scoreCount = 0

  constructor(recordStages: readonly RecordStage[]) {
    for (const stage of ['ingestion', ...recordStages] as const) this.#counts.set(stage, { in: 0, out: 0 })
  }

  enter(stage: Stage): void {
    const count = this.#counts.get(stage)
    if (count) count.in++
  }

  leave(stage: Stage): void {
    const count = this.#counts.get(stage)
    if (count) count.out++
  }

  lose(stage: Stage, reason: string, origin: Origin): void {
    const [ordinal, unit, line, byteOffset] = origin
    this.#quarantined.push({ stage, reason, ordinal, unit, line, byteOffset })
  }

  /** It had left the stage, and could not be written. */
  retract(stage: Stage, reason: string, origin: Origin): void {
    const count = this.#counts.get(stage)
    if (count) count.out--
    this.lose(stage, reason, origin)
  }

  score({ score, findings }: ConversationLine): void {
    if (score === null) return
    this.#scoreSum += score
    this.#scoreCount++
    for (const { rule } of findings) this.#findings[rule] = (this.#findings[rule] ?? 0) + 1
  }

  /** @param input ingestion has counted the records of an object itself, not those of a slice */
  outcome(input: ShardInput): Omit<RecordsOutcome, 'objectId' | 'sha256'> {
    return {
      counts: [...this.#counts]
        .filter(([stage]) => stage !== 'ingestion' || input.kind === 'slice')
        .map(([stage, count]) => ({ stage, ...count })),
      quarantined: this.#quarantined,
      scoreSum: this.#scoreSum,
      scoreCount: this.#scoreCount,
      findings: this.#findings,
    }
  }
}
