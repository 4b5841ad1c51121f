import type { Mapping } from '../datasets/mapping.ts'
import { isSliceable, readRecords, sliceRecords } from '../formats/read-records.ts'
import type { RecordBatch, SourceBytes } from '../formats/source.ts'
import type { Json } from '../json.ts'
import type { Vault } from '../vault/vault.ts'
import type { Quarantined } from './outcome.ts'
import { encodeRaw, encodeRawLine, type Origin } from './record-objects.ts'
import { orRepaired, type RepairRef, readRepairs } from './repairs.ts'
import type { Stage } from './run.ts'
import { hasScatteredKeys } from './scattered-keys.ts'
import type { IngestionCheckpoint, ShardInput, SourceInput } from './shard.ts'

/** A shard is cut at whichever comes first; constant, so that every crash and every machine cuts alike. */
export const shardLimits = { records: 4_000, sourceBytes: 8 * 1024 * 1024 } as const

/** Where the objects of a run go: whose key, and the beginning of their ids. */
export interface RunObjects {
  readonly keyOwner: string
  readonly prefix: string
}

/** Never written twice: it ends in the attempt, so that a late writer never meets another's object. */
export const shardObjectId = (prefix: string, stage: Stage, shard: number, attempt: number): string =>
  `${prefix}/${stage}/${String(shard).padStart(6, '0')}.${attempt}`

/** One cut: where its readable records lie (nowhere when all were unreadable), and where to go on from. */
export interface Cut {
  readonly input: SourceInput
  readonly shard: number
  readonly content: ShardInput | undefined
  /** Records in `content`; of a slice, those that will prove unreadable too. */
  readonly records: number
  readonly quarantined: readonly Quarantined[]
  /** Source units in them; of a slice, none yet: that is known when it is read. */
  readonly unitsGrouped: number
  readonly unitsQuarantined: number
  readonly sourceBytes: number
  readonly checkpoint: IngestionCheckpoint
}

/** Makes a cut durable; answers false when this attempt was overtaken or the run stopped. */
export type CommitCut = (cut: Cut) => Promise<boolean>

/**
 * Reads the sources of a run from the vault and cuts them into shards, from a checkpoint on.
 *
 * Where the records of a source can be told apart without reading them, a shard is a slice of the source and is read
 * by whoever works it, many at once; else its records are read here and written to an object. Records, ordinals and
 * everything that follows are the same.
 * @param slices whether slices may be cut; else every shard is an object
 * @param attempt ends every object id
 * @param repairs read instead of their records where those are read here; of a slice, its shard is given them
 * @returns where reading ended when everything was read; undefined when commit said stop
 * @throws SourceRefused when a source cannot be read at all, VaultError when its object does not open
 */
export async function ingest(
  vault: Vault,
  objects: RunObjects,
  inputs: readonly SourceInput[],
  from: IngestionCheckpoint,
  options: {
    readonly attempt: number
    readonly slices: boolean
    readonly repairs?: readonly RepairRef[]
  },
  commit: CommitCut,
): Promise<IngestionCheckpoint | undefined> {
  const { attempt, slices } = options
  const repairs = await readRepairs(vault, options.repairs ?? [])
  let at = from
  for (const [file, input] of inputs.entries()) {
    if (file < from.file) continue
    if (file > from.file) {
      const ordinal = inputs[file - 1]?.datasetId === input.datasetId ? at.ordinal : 0
      at = { file, ordinal, fileStart: ordinal, shard: at.shard }
    }
    const source = await vault.open({ owner: input.datasetId, id: input.objectId, kind: 'source' })
    try {
      const cuts =
        slices && isSliceable(input.layout, input.mapping)
          ? cutSlices(source, input, at)
          : cutObjects(vault, objects, source, input, at, attempt, repairs.get(input.datasetId))
      for await (const cut of cuts) {
        at = cut.checkpoint
        if (!(await commit(cut))) return undefined
      }
    } finally {
      await source.close()
    }
  }
  return at
}

async function* cutSlices(
  source: SourceBytes,
  input: SourceInput,
  from: IngestionCheckpoint,
): AsyncGenerator<Cut> {
  let at = from
  for await (const stretch of sliceRecords(source, input.layout, at.cursor, shardLimits)) {
    const { records, cursor, sourceBytes } = stretch
    const { objectId, sha256 } = input
    const start = at.cursor === undefined ? {} : { from: at.cursor }
    const content = {
      kind: 'slice',
      objectId,
      ...(sha256 === undefined ? {} : { sha256 }),
      layout: input.layout,
      ...start,
      records,
      ordinal: at.ordinal,
    } as const
    const shard = at.shard
    at = { ...at, cursor, ordinal: at.ordinal + records, shard: shard + 1 }
    yield {
      input,
      shard,
      content,
      records,
      quarantined: [],
      unitsGrouped: 0,
      unitsQuarantined: 0,
      sourceBytes,
      checkpoint: at,
    }
  }
}

async function* cutObjects(
  vault: Vault,
  objects: RunObjects,
  source: SourceBytes,
  input: SourceInput,
  from: IngestionCheckpoint,
  attempt: number,
  repairs: ReadonlyMap<number, string> | undefined,
): AsyncGenerator<Cut> {
  const scattered = from.scattered ?? (await hasScatteredKeys(source, input))
  let at = { ...from, scattered }
  // Scattered groups are read as a whole, so a restart reads again and skips what is already cut.
  let skip = scattered ? at.ordinal - at.fileStart : 0
  const start = scattered || at.cursor === undefined ? {} : { from: at.cursor }
  let open = new OpenCut(input.mapping, repairs)
  for await (const batch of readRecords(source, input.layout, input.mapping, { ...start, scattered })) {
    if (skip > 0) {
      skip -= batch.records.length
      continue
    }
    at = { ...at, cursor: batch.cursor, ordinal: open.add(batch, at.ordinal) }
    if (!open.isFull) continue
    at = { ...at, shard: at.shard + 1 }
    yield await open.write(vault, objects, input, at, attempt)
    open = new OpenCut(input.mapping, repairs)
  }
  if (!open.isEmpty) {
    at = { ...at, shard: at.shard + 1 }
    yield await open.write(vault, objects, input, at, attempt)
  }
}

/** The line of a record in its object; a value that cannot be written, as one nested 100,000 deep, is kept aside. */
function written(
  read: { readonly value: Json } | { readonly reason: string },
  origin: Origin,
): { readonly text: string } | { readonly reason: string } {
  if ('reason' in read) return read
  try {
    return { text: encodeRawLine({ origin, value: read.value }) }
  } catch {
    return { reason: 'poison-record' }
  }
}

class OpenCut {
  readonly #mapping: Mapping
  readonly #repairs: ReadonlyMap<number, string> | undefined
  #lines: string[] = []
  #quarantined: Quarantined[] = []
  #grouped = 0
  #unreadable = 0
  #bytes = 0

  constructor(mapping: Mapping, repairs: ReadonlyMap<number, string> | undefined) {
    this.#mapping = mapping
    this.#repairs = repairs
  }

  get isEmpty(): boolean {
    return this.#grouped + this.#unreadable === 0
  }

  get isFull(): boolean {
    return (
      this.#lines.length + this.#quarantined.length >= shardLimits.records ||
      this.#bytes >= shardLimits.sourceBytes
    )
  }

  /** @returns the next ordinal */
  add(batch: RecordBatch, firstOrdinal: number): number {
    let ordinal = firstOrdinal
    for (const record of batch.records) {
      const { unit, line, byteOffset, units } = record.position
      const made = written(orRepaired(record, this.#repairs, ordinal, this.#mapping), [
        ordinal,
        unit,
        line,
        byteOffset,
      ])
      if ('reason' in made) {
        const { reason } = made
        this.#quarantined.push({ stage: 'ingestion', reason, ordinal, unit, line, byteOffset })
        this.#unreadable += units
      } else {
        this.#lines.push(made.text)
        this.#grouped += units
      }
      ordinal++
    }
    this.#bytes += batch.sourceBytes
    return ordinal
  }

  async write(
    vault: Vault,
    { keyOwner, prefix }: RunObjects,
    input: SourceInput,
    checkpoint: IngestionCheckpoint,
    attempt: number,
  ): Promise<Cut> {
    const shard = checkpoint.shard - 1
    const objectId = this.#lines.length === 0 ? undefined : shardObjectId(prefix, 'ingestion', shard, attempt)
    const stored =
      objectId === undefined
        ? undefined
        : await vault.writeBytes({ owner: keyOwner, id: objectId, kind: 'shard' }, encodeRaw(this.#lines))
    return {
      input,
      shard,
      content:
        objectId === undefined || stored === undefined
          ? undefined
          : { kind: 'object', objectId, sha256: stored.sha256 },
      records: this.#lines.length,
      quarantined: this.#quarantined,
      unitsGrouped: this.#grouped,
      unitsQuarantined: this.#unreadable,
      sourceBytes: this.#bytes,
      checkpoint,
    }
  }
}
