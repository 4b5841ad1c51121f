import { targetTemplates } from '../formats/targets/index.ts'
import type { TargetTemplate } from '../formats/targets/template.ts'
import { exportWriters } from '../formats/writers/index.ts'
import type { ExportEncoder, JsonText } from '../formats/writers/writer.ts'
import type { JsonObject } from '../json.ts'
import type { StoredObject, Vault } from '../vault/vault.ts'
import { ChunkQueue } from './chunk-queue.ts'
import type { RunObjects } from './ingest.ts'
import { type Manifest, manifestOf } from './manifest.ts'
import type { ExportOutcome, WrittenExport } from './outcome.ts'
import { type StoredLine, splitConversations } from './record-objects.ts'
import type { ExportFormat, ExportTarget } from './run.ts'
import { decision } from './settle-quality.ts'

/** One file to be written: a target template in a file format, or the manifest over all of them. */
export interface PlannedExport {
  readonly exportId: string
  readonly path: string
  readonly target: ExportTarget
  readonly format: ExportFormat
}

export interface ShardOfRecords {
  readonly objectId: string
  readonly datasetId: string
  readonly fileId: string
}

/** Flush the encoders after this many records, so that a huge export never waits in memory. */
const recordsPerChunk = 500

/**
 * Reads every accepted conversation once and writes all exports side by side, then the manifest of their
 * checksums. Same records, same configuration, same bytes: nothing here knows the time or the run.
 * @param done told now and then how many accepted records were read
 */
export async function writeExports(
  vault: Vault,
  { keyOwner, prefix }: RunObjects,
  shards: readonly ShardOfRecords[],
  decisionsObjectId: string,
  planned: readonly PlannedExport[],
  manifest: Omit<Manifest, 'exports'>,
  attempt: number,
  done: (records: number) => void = () => {},
): Promise<ExportOutcome> {
  const decisions = await vault.readBytes({ owner: keyOwner, id: decisionsObjectId, kind: 'decision' })
  const open = planned
    .filter((plan) => plan.target !== 'manifest')
    .map((plan) => new OpenExport(vault, keyOwner, `${prefix}/export/${plan.path}.${attempt}`, plan))
  const counts = { in: 0, out: 0 }
  const quarantined: ExportOutcome['quarantined'][number][] = []
  try {
    let position = 0
    for (const shard of shards) {
      const bytes = await vault.readBytes({ owner: keyOwner, id: shard.objectId, kind: 'shard' })
      const lines = splitConversations(bytes)
      const accepted = lines.filter((_, index) => decisions[position + index] === decision.accepted)
      position += lines.length
      for (let start = 0; start < accepted.length; start += recordsPerChunk) {
        const chunk = accepted.slice(start, start + recordsPerChunk)
        const carried = new Set<StoredLine>()
        for (const file of open) await file.add(chunk, carried)
        counts.in += chunk.length
        counts.out += carried.size
        done(counts.in)
        for (const line of chunk) {
          if (carried.has(line)) continue
          const [ordinal, unit, sourceLine, byteOffset] = line.read().origin
          const { datasetId, fileId } = shard
          quarantined.push({
            stage: 'export',
            reason: 'target-cannot-carry',
            ordinal,
            unit,
            line: sourceLine,
            byteOffset,
            datasetId,
            fileId,
          })
        }
      }
    }
    const exports: WrittenExport[] = []
    for (const file of open) exports.push(await file.end())
    for (const plan of planned) {
      if (plan.target !== 'manifest') continue
      const objectId = `${prefix}/export/${plan.path}.${attempt}`
      const text = manifestOf({
        ...manifest,
        exports: exports.map((done, index) => ({ ...described(open[index]?.plan), ...checked(done) })),
      })
      const stored = await vault.writeBytes(
        { owner: keyOwner, id: objectId, kind: 'export' },
        Buffer.from(text),
      )
      exports.push({ exportId: plan.exportId, objectId, records: exports.length, skipped: 0, ...stored })
    }
    return { ...counts, quarantined, exports }
  } catch (error) {
    for (const file of open) file.abandon()
    throw error
  }
}

const described = (plan: PlannedExport | undefined) => ({
  path: plan?.path ?? '',
  target: plan?.target ?? '',
  format: plan?.format ?? '',
})
const checked = ({ records, skipped, bytes, sha256 }: WrittenExport) => ({ records, skipped, bytes, sha256 })

class OpenExport {
  readonly plan: PlannedExport
  readonly #objectId: string
  readonly #queue = new ChunkQueue()
  readonly #stored: Promise<StoredObject>
  readonly #abort = new AbortController()
  readonly #encode: (lines: readonly StoredLine[], carried: Set<StoredLine>) => Encoded
  readonly #end: () => Uint8Array
  #records = 0
  #skipped = 0

  constructor(vault: Vault, keyOwner: string, objectId: string, plan: PlannedExport) {
    if (plan.target === 'manifest') throw new Error('the manifest has no records')
    this.plan = plan
    this.#objectId = objectId
    const template = targetTemplates[plan.target]
    const writer = exportWriters[plan.format]
    if (writer.takes === 'texts') {
      const encoder = writer.open()
      this.#encode = (lines, carried) => encode(encoder, lines, carried, (line) => textOf(line, template))
      this.#end = () => encoder.end()
    } else {
      const encoder = writer.open(template.columns)
      this.#encode = (lines, carried) => encode(encoder, lines, carried, (line) => cellsOf(line, template))
      this.#end = () => encoder.end()
    }
    this.#stored = vault.write(
      { owner: keyOwner, id: objectId, kind: 'export' },
      this.#queue,
      this.#abort.signal,
    )
    // Awaited in end(); until then a failed write must neither crash the process nor block the producer.
    this.#stored.catch(() => this.#queue.stop())
  }

  /** @param carried the lines that this file has a place for are added to it */
  async add(lines: readonly StoredLine[], carried: Set<StoredLine>): Promise<void> {
    const { bytes, records } = this.#encode(lines, carried)
    this.#records += records
    this.#skipped += lines.length - records
    await this.#queue.put(bytes)
  }

  async end(): Promise<WrittenExport> {
    await this.#queue.put(this.#end())
    this.#queue.end()
    const stored = await this.#stored
    const counts = { records: this.#records, skipped: this.#skipped }
    return { exportId: this.plan.exportId, objectId: this.#objectId, ...counts, ...stored }
  }

  abandon(): void {
    this.#abort.abort()
    this.#queue.end()
  }
}

interface Encoded {
  readonly bytes: Uint8Array
  readonly records: number
}

/** Hands the rows of those lines that the target can carry to the encoder. */
function encode<Row>(
  encoder: ExportEncoder<Row>,
  lines: readonly StoredLine[],
  carried: Set<StoredLine>,
  rowOf: (line: StoredLine) => Row | undefined,
): Encoded {
  const rows: Row[] = []
  for (const line of lines) {
    const row = rowOf(line)
    if (row === undefined) continue
    rows.push(row)
    carried.add(line)
  }
  return { bytes: encoder.write(rows), records: rows.length }
}

function textOf(line: StoredLine, template: TargetTemplate): JsonText | undefined {
  const texts = template.copyTexts === undefined ? undefined : line.plainTexts
  if (texts !== undefined) return (out) => template.copyTexts?.(texts, out)
  const record = recordOf(line, template)
  return record === undefined ? undefined : (out) => out.addText(JSON.stringify(record))
}

/** Half a character has a place in JSON, which can write its number, but none in the UTF-8 of a cell. */
function cellsOf(line: StoredLine, template: TargetTemplate): JsonObject | undefined {
  const record = recordOf(line, template)
  const isWritable = Object.values(record ?? {}).every(
    (value) => typeof value !== 'string' || value.isWellFormed(),
  )
  return isWritable ? record : undefined
}

function recordOf(line: StoredLine, template: TargetTemplate): JsonObject | undefined {
  const rendered = template.render(line.read().conversation)
  return rendered.ok ? rendered.value : undefined
}
