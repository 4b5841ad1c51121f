import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Conversation, Message } from '../conversations/conversation.ts'
import type { ConversationTexts } from '../formats/targets/template.ts'
import type { Json, JsonObject } from '../json.ts'
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
// A shard is a few MiB: in zlib's usual 16 KiB pieces, joining them costs more than the work.
const decompression = { chunkSize: 1024 * 1024 }

/** Cuts are compressed one object at a time, at most 2,000 records or 8 MiB of source, so sync calls stay short. */
export const encodeRaw = (lines: readonly RawLine[]): Uint8Array =>
  zstdCompressSync(lines.map((line) => JSON.stringify([...line.origin, line.value])).join('\n'), compression)

export function decodeRaw(bytes: Uint8Array): RawLine[] {
  return splitLines(bytes).map((text) => {
    // Written by encodeRaw and authenticated by the vault: the shape is ours.
    const [ordinal, unit, line, byteOffset, value] = JSON.parse(text) as [
      number,
      number,
      number | null,
      number,
      Json,
    ]
    return { origin: [ordinal, unit, line, byteOffset], value }
  })
}

/**
 * A shard of conversations: length of the index (4 bytes, big-endian), the index as JSON, then the lines, zstd.
 * The index stands first so that quality reads it without touching the conversations. A line holds JSON texts between
 * tabs, which JSON text never has, so that an export may copy one without parsing it.
 */
export function encodeConversations(
  lines: readonly ConversationLine[],
  index: readonly IndexEntry[],
): Uint8Array {
  const head = Buffer.from(JSON.stringify(index.map((entry) => [entry.score, entry.fingerprint])))
  const body = zstdCompressSync(lines.map(encodeLine).join(''), compression)
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32BE(head.length)
  return Buffer.concat([length, head, body])
}

const encodeLine = ({ origin, conversation, score, findings }: ConversationLine): string => {
  const { messages, tools, meta } = conversation
  const plain = messages.every(isPlain) ? '1' : '0'
  const metaText = hasKeys(meta) ? JSON.stringify(meta) : '{}'
  const toolsText = tools === undefined ? '' : JSON.stringify(tools)
  const findingsText = findings.length === 0 ? '[]' : JSON.stringify(findings)
  return `${plain}\t${JSON.stringify(messages)}\t${toolsText}\t${metaText}\t${JSON.stringify(origin)}\t${score}\t${findingsText}\n`
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
  const text = Buffer.from(await object.slice(lengthBytes, lengthBytes + length)).toString()
  return (JSON.parse(text) as [number | null, string][]).map(([score, fingerprint]) => ({
    score,
    fingerprint,
  }))
}

export const decodeConversations = (bytes: Uint8Array): ConversationLine[] =>
  splitConversations(bytes).map((line) => line.read())

/** The lines of a shard of conversations, unparsed. */
export function splitConversations(bytes: Uint8Array): StoredLine[] {
  const start = lengthBytes + Buffer.from(bytes.buffer, bytes.byteOffset, lengthBytes).readUInt32BE()
  const body = zstdDecompressSync(bytes.subarray(start), decompression)
  const lines: StoredLine[] = []
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf(lineEnd, at)
    lines.push(new StoredLine(body.subarray(at, end)))
    at = end + 1
  }
  return lines
}

const lineEnd = 0x0a
const tab = 0x09

/** One conversation as it is stored. */
export class StoredLine {
  readonly #text: Buffer
  #fields: readonly Buffer[] | undefined

  constructor(text: Buffer) {
    this.#text = text
  }

  /** The conversation in JSON texts; undefined when a message has more than role, content and name. */
  get plainTexts(): ConversationTexts | undefined {
    if (this.#text[0] !== plainMark) return undefined
    const [, messages, tools, meta] = this.#split()
    return { messages: messages as Buffer, tools: tools as Buffer, meta: meta as Buffer }
  }

  read(): ConversationLine {
    const [, messages, tools, meta, origin, score, findings] = this.#split().map((field) => field.toString())
    // Written by encodeLine and authenticated by the vault: the shape is ours.
    const parse = <T>(text: string | undefined): T => JSON.parse(text ?? '') as T
    return {
      origin: parse<Origin>(origin),
      conversation: {
        messages: parse<Message[]>(messages),
        ...(tools === '' ? {} : { tools: parse<Json[]>(tools) }),
        meta: parse<JsonObject>(meta),
      },
      score: parse<number | null>(score),
      findings: parse<Finding[]>(findings),
    }
  }

  #split(): readonly Buffer[] {
    if (this.#fields === undefined) {
      const fields: Buffer[] = []
      let at = 0
      for (let end = this.#text.indexOf(tab); end >= 0; end = this.#text.indexOf(tab, at)) {
        fields.push(this.#text.subarray(at, end))
        at = end + 1
      }
      fields.push(this.#text.subarray(at))
      this.#fields = fields
    }
    return this.#fields
  }
}

const plainMark = '1'.charCodeAt(0)

const splitLines = (compressed: Uint8Array): string[] => {
  const text = zstdDecompressSync(compressed, decompression).toString()
  return text === '' ? [] : text.split('\n')
}
