import { standardize } from '../conversations/standardize.ts'
import type { Mapping } from '../datasets/mapping.ts'
import { readRecords } from '../formats/read-records.ts'
import type { ReadReason } from '../formats/source.ts'
import type { Check } from '../quality/check.ts'
import { assess } from '../quality/score.ts'
import type { Vault } from '../vault/vault.ts'
import { fingerprint } from './fingerprint.ts'
import type { RunObjects } from './ingest.ts'
import type { Quarantined, RecordsOutcome } from './outcome.ts'
import {
  type ConversationLine,
  decodeConversations,
  decodeRaw,
  encodeConversations,
  type Origin,
  type RawLine,
} from './record-objects.ts'
import { redact } from './redact.ts'
import { repairText } from './repair-text.ts'
import type { Redaction, Stage } from './run.ts'
import type { ShardInput } from './shard.ts'

export const recordStages = ['standardization', 'validation', 'processing'] as const
export type RecordStage = (typeof recordStages)[number]

export interface RecordsTask {
  readonly stages: readonly RecordStage[]
  readonly input: ShardInput
  /** Whose key the source of a slice lies under. */
  readonly datasetId: string
  readonly mapping: Mapping
  readonly shard: number
  readonly attempt: number
}

export interface RecordsSettings {
  /** Empty with `checks: none`: then validation, processing and quality pass everything through. */
  readonly checks: readonly Check[]
  readonly redact: readonly Redaction[]
  /** Key of the fingerprints that exact duplicates are found by. */
  readonly fingerprintKey: Uint8Array
}

/**
 * Takes one shard through standardization, validation and processing, or through those of them that the task
 * names, and writes one object. The same bytes come out whether the stages are fused or not.
 * @throws VaultError when the shard's object does not open
 */
export async function processRecords(
  vault: Vault,
  { keyOwner, prefix }: RunObjects,
  task: RecordsTask,
  settings: RecordsSettings,
): Promise<RecordsOutcome> {
  const { input } = task
  const quarantined: Quarantined[] = []
  const counts: { stage: Stage; in: number; out: number }[] = []
  let lines: ConversationLine[] = []
  if (task.stages[0] === 'standardization') {
    const enter = ({ origin, value }: RawLine) => {
      const made = guarded(() => standardize(value, task.mapping))
      if (typeof made === 'string') quarantined.push(lost('standardization', made, origin))
      else lines.push({ origin, conversation: made, score: null, findings: [] })
    }
    let readable = 0
    if (input.kind === 'slice') {
      await readSlice(vault, task, input, (entry) => {
        if ('reason' in entry) quarantined.push(lost('ingestion', entry.reason, entry.origin))
        else {
          enter(entry)
          readable++
        }
      })
      counts.push({ stage: 'ingestion', in: input.records, out: readable })
    } else {
      const raw = decodeRaw(await readShard(vault, keyOwner, input.objectId))
      for (const line of raw) enter(line)
      readable = raw.length
    }
    counts.push({ stage: 'standardization', in: readable, out: lines.length })
  } else {
    lines = decodeConversations(await readShard(vault, keyOwner, input.objectId))
  }
  for (const stage of task.stages) {
    if (stage === 'standardization') continue
    const work = stage === 'validation' ? validated : processed
    const entering = lines
    lines = []
    for (const line of entering) {
      const made = guarded(() => work(line, settings))
      if (typeof made === 'string') quarantined.push(lost(stage, made, line.origin))
      else lines.push(made)
    }
    counts.push({ stage, in: entering.length, out: lines.length })
  }

  const last = task.stages.at(-1)
  const index =
    last === 'processing' && settings.checks.length > 0
      ? lines.map((line) => ({
          score: line.score,
          fingerprint: fingerprint(line.conversation, settings.fingerprintKey),
        }))
      : lines.map((line) => ({ score: line.score, fingerprint: '' }))
  const objectId =
    lines.length === 0
      ? undefined
      : `${prefix}/${last}/${String(task.shard).padStart(6, '0')}.${task.attempt}`
  const stored =
    objectId === undefined
      ? undefined
      : await vault.writeBytes(
          { owner: keyOwner, id: objectId, kind: 'shard' },
          encodeConversations(lines, index),
        )
  const scored = task.stages.includes('validation') ? lines : []
  return {
    objectId,
    sha256: stored?.sha256,
    counts,
    quarantined,
    scoreSum: scored.reduce((sum, line) => sum + (line.score ?? 0), 0),
    scoreCount: scored.filter((line) => line.score !== null).length,
    findings: countRules(scored),
  }
}

const readShard = (vault: Vault, owner: string, id: string): Promise<Uint8Array> =>
  vault.readBytes({ owner, id, kind: 'shard' })

/**
 * Hands over the records of a slice in order.
 * @throws Error when the source has fewer than were cut: it never changes, so that would be a fault of ours
 */
async function readSlice(
  vault: Vault,
  { mapping, datasetId }: RecordsTask,
  slice: Extract<ShardInput, { kind: 'slice' }>,
  take: (entry: RawLine | { readonly origin: Origin; readonly reason: ReadReason }) => void,
): Promise<void> {
  const source = await vault.open({ owner: datasetId, id: slice.objectId, kind: 'source' })
  try {
    const start = slice.from === undefined ? {} : { from: slice.from }
    let taken = 0
    for await (const { records } of readRecords(source, slice.layout, mapping, start)) {
      for (const record of records) {
        if (taken === slice.records) return
        const { unit, line, byteOffset } = record.position
        const origin: Origin = [slice.ordinal + taken, unit, line, byteOffset]
        taken++
        take('reason' in record ? { origin, reason: record.reason } : { origin, value: record.value })
      }
      if (taken === slice.records) return
    }
    throw new Error('a slice ended before its last record')
  } finally {
    await source.close()
  }
}

const validated = (line: ConversationLine, { checks }: RecordsSettings): ConversationLine =>
  checks.length === 0 ? line : { ...line, ...assess(line.conversation, checks) }

const processed = (line: ConversationLine, settings: RecordsSettings): ConversationLine => {
  const repaired = settings.checks.length === 0 ? line.conversation : repairText(line.conversation)
  const conversation =
    settings.redact.length === 0 ? repaired : redact(repaired, settings.redact).conversation
  return { ...line, conversation }
}

/** One bad record never costs its neighbours; the error itself may quote the record, so only a code is kept. */
const guarded = <T>(work: () => T): T | 'poison-record' => {
  try {
    return work()
  } catch {
    return 'poison-record'
  }
}

const lost = (stage: Stage, reason: string, origin: Origin): Quarantined => {
  const [ordinal, unit, line, byteOffset] = origin
  return { stage, reason, ordinal, unit, line, byteOffset }
}

const countRules = (lines: readonly ConversationLine[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const line of lines) {
    for (const { rule } of line.findings) counts[rule] = (counts[rule] ?? 0) + 1
  }
  return counts
}
