import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Conversation } from '../conversations/conversation.ts'
import type { Json } from '../json.ts'
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
const compression = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
const lengthBytes = 4

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
 * The index stands first so that quality reads it without touching the conversations.
 */
export function encodeConversations(
  lines: readonly ConversationLine[],
  index: readonly IndexEntry[],
): Uint8Array {
  const head = Buffer.from(JSON.stringify(index.map((entry) => [entry.score, entry.fingerprint])))
  const body = zstdCompressSync(
    lines
      .map((line) => JSON.stringify([line.origin, line.conversation, line.score, line.findings]))
      .join('\n'),
    compression,
  )
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32BE(head.length)
  return Buffer.concat([length, head, body])
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

export function decodeConversations(bytes: Uint8Array): ConversationLine[] {
  const start = lengthBytes + Buffer.from(bytes.buffer, bytes.byteOffset, lengthBytes).readUInt32BE()
  return splitLines(bytes.subarray(start)).map((text) => {
    const [origin, conversation, score, findings] = JSON.parse(text) as [
      Origin,
      Conversation,
      number | null,
      Finding[],
    ]
    return { origin, conversation, score, findings }
  })
}

const splitLines = (compressed: Uint8Array): string[] => {
  const text = zstdDecompressSync(compressed).toString()
  return text === '' ? [] : text.split('\n')
}
