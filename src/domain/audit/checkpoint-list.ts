import { type Checkpoint, namesKey, openCheckpoint, type Verifier } from './checkpoint.ts'

/** What is wrong with the kept checkpoints, and on which line of their file. */
export interface CheckpointFault {
  readonly kind: 'checkpoint-edited' | 'checkpoints-disagree'
  readonly line: number
  readonly size: number | null
}

const rootBytes = 32

/** The kept checkpoints, opened: 40 bytes for each size of the log that one was signed at, most minutes none. */
export class CheckpointList {
  readonly #verifier: Verifier
  readonly #sizes: number[] = []
  #roots: Buffer = Buffer.alloc(1024 * rootBytes)
  #order: number[] | undefined
  #fault: CheckpointFault | undefined
  #count = 0
  #ours = 0
  #lastAt: Date | undefined

  constructor(verifier: Verifier) {
    this.#verifier = verifier
  }

  /** How many the file holds, those that say the same again included. */
  get count(): number {
    return this.#count
  }

  /** Whether there are some, and not one of them says that the key has signed it. */
  get isAllForeign(): boolean {
    return this.#count > 0 && this.#ours === 0
  }

  get lastAt(): Date | undefined {
    return this.#lastAt
  }

  /** The size that the largest one was signed at. */
  get largest(): number | undefined {
    const last = this.#sorted().at(-1)
    return last === undefined ? undefined : this.#sizes[last]
  }

  /** The next ones of the file, with the lines they begin on; their signatures are checked side by side. */
  async add(notes: readonly { readonly note: string; readonly line: number }[]): Promise<void> {
    const opened = await Promise.all(notes.map(({ note }) => openCheckpoint(this.#verifier, note)))
    for (const [at, { note, line }] of notes.entries()) this.#add(note, line, opened[at])
  }

  #add(note: string, line: number, checkpoint: Checkpoint | undefined): void {
    this.#count++
    if (checkpoint !== undefined || namesKey(this.#verifier, note)) this.#ours++
    if (checkpoint === undefined) {
      this.#fault ??= { kind: 'checkpoint-edited', line, size: null }
      return
    }
    const { size, root, at } = checkpoint
    if (this.#lastAt === undefined || at > this.#lastAt) this.#lastAt = at
    const last = this.#sizes.length - 1
    if (this.#sizes[last] === size) {
      if (this.#root(last).equals(root)) return
      this.#fault ??= { kind: 'checkpoints-disagree', line, size }
    }
    if ((last + 2) * rootBytes > this.#roots.length) {
      this.#roots = Buffer.concat([this.#roots, Buffer.alloc(this.#roots.length)])
    }
    root.copy(this.#roots, (last + 1) * rootBytes)
    this.#sizes.push(size)
    this.#order = undefined
  }

  /** The first thing wrong with them by themselves. */
  get fault(): CheckpointFault | undefined {
    return this.#fault
  }

  /** By size, smallest first; a leader that froze may have written late. */
  *bySize(): Generator<{ readonly size: number; readonly root: Buffer }> {
    for (const at of this.#sorted()) yield { size: this.#sizes[at] ?? 0, root: this.#root(at) }
  }

  #root(at: number): Buffer {
    return this.#roots.subarray(at * rootBytes, (at + 1) * rootBytes)
  }

  #sorted(): readonly number[] {
    this.#order ??= this.#sizes.map((_, at) => at).sort((a, b) => this.#sizeAt(a) - this.#sizeAt(b))
    return this.#order
  }

  #sizeAt(at: number): number {
    return this.#sizes[at] ?? 0
  }
}
