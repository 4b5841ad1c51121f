import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Conversation, Message } from '../conversations/conversation.ts'
import type { ConversationTexts } from '../formats/targets/template.ts'
import { ByteSink } from '../formats/writers/byte-sink.ts'
import { type Json, type JsonObject, ownJson, writtenJson } from '../json.ts'
import type { Finding } from '../quality/check.ts'

/** Where a record came from, carried through every stage so that any of them can name it. */
export type Origin = readonly [ordinal: number, unit: number, line: number | null, byteOffset: number]

/** A record as ingestion cut it. */
export interface RawLine {
  readonly origin: Origin
  readonly value: Json
}

/** A record from standardization on; score and findings from validation on. */
export interface ConversationLine {
  readonly origin: Origin
  readonly conversation: Conversation
  /** Thousandths; null before validation or with `checks: none`. */
  readonly score: number | null
  readonly findings: readonly Finding[]
}

/** What quality needs of a record: nothing but numbers and a keyed hash. */
export interface IndexEntry {
  readonly score: number | null
  readonly fingerprint: string
}

// Level 1: at 2 KB records it already gives three quarters of level 3's saving at twice its speed.
const compression = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: 256 * 1024 }
const lengthBytes = 4

/** Cuts are compressed one object at a time, at most 4,000 records or 8 MiB of source, so sync calls stay short. */
export const encodeRaw = (lines: readonly string[]): Uint8Array =>
  zstdCompressSync(lines.join('\n'), compression)

/** Stands before a line with numbers that a plain parser would change: few have any, and looking for them costs time. */
const exactMark = '='

/**
 * One line of such a cut.
 * @throws RangeError for a value that is nested too deep to be written
 */
export function encodeRawLine({ origin, value }: RawLine): string {
  const { text, isPlain } = writtenJson([...origin, value])
  return isPlain ? text : exactMark + text
}

export function decodeRaw(bytes: Uint8Array): RawLine[] {
  return splitLines(bytes).map((text) => {
    // Written by encodeRaw and authenticated by the vault: the shape is ours.
    const [ordinal, unit, line, byteOffset, value] = (
      text.startsWith(exactMark) ? ownJson(text.slice(exactMark.length)) : JSON.parse(text)
    ) as [number, number, number | null, number, Json]
    return { origin: [ordinal, unit, line, byteOffset], value }
  })
}

/**
 * A shard of conversations: length of the index and of the lines (4 bytes each, big-endian), the index as JSON, then the
 * lines, zstd.
 * The index stands first so that quality reads it without touching the conversations. A line holds JSON texts between
 * tabs, which JSON text never has, so that an export may copy one without parsing it.
 *
 * Lines are written as they come: a conversation held until the shard is full costs the collector more than all else.
 */
export class ConversationShard {
  readonly #body = new ByteSink(4 * 1024 * 1024)
  readonly #index: [score: number | null, fingerprint: string][] = []

  get records(): number {
    return this.#index.length
  }

  /** @param fingerprint empty where duplicates are not looked for */
  add({ origin, conversation, score, findings }: ConversationLine, fingerprint: string): void {
    const { messages, tools, meta } = conversation
    const plain = messages.every(isPlain) ? '1' : '0'
    const metaText = hasKeys(meta) ? JSON.stringify(meta) : '{}'
    const toolsText = tools === undefined ? '' : JSON.stringify(tools)
    const findingsText = findings.length === 0 ? '[]' : JSON.stringify(findings)
    this.#body.addText(
      `${plain}\t${JSON.stringify(messages)}\t${toolsText}\t${metaText}\t${JSON.stringify(origin)}\t${score}\t${findingsText}\n`,
    )
    this.#index.push([score, fingerprint])
  }

  /** The bytes to store. */
  encode(): Uint8Array {
    const head = Buffer.from(JSON.stringify(this.#index))
    const lengths = Buffer.alloc(2 * lengthBytes)
    lengths.writeUInt32BE(head.length)
    lengths.writeUInt32BE(this.#body.length, lengthBytes)
    return Buffer.concat([lengths, head, zstdCompressSync(this.#body.bytes, compression)])
  }
}

const isPlain = ({ toolCalls, toolCallId, meta }: Message): boolean =>
  toolCalls === undefined && toolCallId === undefined && meta === undefined

const hasKeys = (meta: JsonObject): boolean => {
  for (const _field in meta) return true
  return false
}

/** Reads the index alone, through the object's random access. */
export async function readIndex(object: {
  slice(start: number, end: number): Promise<Uint8Array>
}): Promise<IndexEntry[]> {
  const length = Buffer.from(await object.slice(0, lengthBytes)).readUInt32BE()
  const start = 2 * lengthBytes
  const text = Buffer.from(await object.slice(start, start + length)).toString()
  return (JSON.parse(text) as [number | null, string][]).map(([score, fingerprint]) => ({
    score,
    fingerprint,
  }))
}

export function* decodeConversations(bytes: Uint8Array): Generator<ConversationLine> {
  for (const line of splitConversations(bytes)) yield line.read()
}

/** The lines of a shard of conversations, unparsed. */
export function splitConversations(bytes: Uint8Array): StoredLine[] {
  const lengths = Buffer.from(bytes.buffer, bytes.byteOffset, 2 * lengthBytes)
  const compressed = bytes.subarray(2 * lengthBytes + lengths.readUInt32BE())
  // In one piece of the right size: zlib's usual 16 KiB pieces cost more to join than to unpack.
  const chunkSize = Math.max(lengths.readUInt32BE(lengthBytes) + 1, constants.Z_MIN_CHUNK)
  const body = zstdDecompressSync(compressed, { chunkSize })
  const lines: StoredLine[] = []
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf(lineEnd, at)
    lines.push(new StoredLine(body, at, end))
    at = end + 1
  }
  return lines
}

const lineEnd = 0x0a
const tab = 0x09
const plainMark = '1'.charCodeAt(0)

/** One conversation as it is stored: a line of the shard's body. */
export class StoredLine {
  readonly #body: Buffer
  readonly #start: number
  readonly #end: number

  constructor(body: Buffer, start: number, end: number) {
    this.#body = body
    this.#start = start
    this.#end = end
  }

  /** The conversation in JSON texts; undefined when a message has more than role, content and name. */
  get plainTexts(): ConversationTexts | undefined {
    const body = this.#body
    if (body[this.#start] !== plainMark) return undefined
    const messages = this.#start + 2
    const tools = body.indexOf(tab, messages) + 1
    const meta = body.indexOf(tab, tools) + 1
    const end = body.indexOf(tab, meta) + 1
    return { body, messages, tools, meta, end }
  }

  read(): ConversationLine {
    const fields = this.#body.toString('utf8', this.#start, this.#end).split('\t')
    const [plain, messages, tools, meta, origin, score, findings] = fields
    // Written by ConversationShard and authenticated by the vault: the shape is ours.
    const parse = <T>(text: string | undefined): T => JSON.parse(text ?? '') as T
    const asWritten = <T>(text: string | undefined): T => ownJson(text ?? '') as T
    return {
      origin: parse<Origin>(origin),
      conversation: {
        // Plain messages hold nothing but text.
        messages: (plain === '1' ? parse<Message[]> : asWritten<Message[]>)(messages),
        ...(tools === '' ? {} : { tools: asWritten<Json[]>(tools) }),
        meta: asWritten<JsonObject>(meta),
      },
      score: parse<number | null>(score),
      findings: parse<Finding[]>(findings),
    }
  }
}

const splitLines = (compressed: Uint8Array): string[] => {
  const text = zstdDecompressSync(compressed, { chunkSize: 1024 * 1024 }).toString()
  return text === '' ? [] : text.split('\n')
}
