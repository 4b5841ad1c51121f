import { standardize } from '../conversations/standardize.ts'
import type { Mapping } from '../datasets/mapping.ts'
import { readRecords } from '../formats/read-records.ts'
import type { ReadReason } from '../formats/source.ts'
import type { Check } from '../quality/check.ts'
import { assess } from '../quality/score.ts'
import type { Vault } from '../vault/vault.ts'
import { fingerprint } from './fingerprint.ts'
import { type RunObjects, shardObjectId } from './ingest.ts'
import type { Isolation } from './isolate.ts'
import type { RecordsOutcome } from './outcome.ts'
import {
  type ConversationLine,
  ConversationShard,
  decodeConversations,
  decodeRaw,
  type Origin,
  type RawLine,
} from './record-objects.ts'
import { RecordsTally } from './records-tally.ts'
import { redact } from './redact.ts'
import { repairText } from './repair-text.ts'
import { orRepaired, type RepairRef, readRepairs } from './repairs.ts'
import type { RecordStage, Redaction } from './run.ts'
import type { ShardInput } from './shard.ts'

export interface RecordsTask {
  readonly stages: readonly RecordStage[]
  readonly input: ShardInput
  /** Whose key the source of a slice lies under. */
  readonly datasetId: string
  readonly mapping: Mapping
  readonly shard: number
  readonly attempt: number
  /** Read instead of their records in a slice; where ingestion wrote an object, it has read them itself. */
  readonly repairs?: readonly RepairRef[]
  /** Positions in the shard of records that cost their worker: kept aside unread. */
  readonly poison?: readonly number[] | undefined
  /** Only these positions are worked, to see whether they cost the worker; nothing is written. */
  readonly tried?: Isolation | undefined
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
  const shard = new ConversationShard()
  const tally = new RecordsTally(task.stages)
  const last = task.stages.at(-1)
  const wantsFingerprint = last === 'processing' && settings.checks.length > 0
  const work = (line: ConversationLine): void => {
    let at = line
    for (const stage of task.stages) {
      if (stage === 'standardization') continue
      tally.enter(stage)
      const made = guarded(() => (stage === 'validation' ? validated(at, settings) : processed(at, settings)))
      if (typeof made === 'string') {
        tally.lose(stage, made, at.origin)
        return
      }
      at = made
      tally.leave(stage)
    }
    const added = guarded((): 'added' => {
      shard.add(at, wantsFingerprint ? fingerprint(at.conversation, settings.fingerprintKey) : '')
      return 'added'
    })
    if (added !== 'added') tally.retract(last ?? 'processing', added, at.origin)
    else if (task.stages.includes('validation')) tally.score(at)
  }
  const selection = new Selection(task)
  const standardized = ({ origin, value }: RawLine): void => {
    tally.enter('standardization')
    const made = guarded(() => standardize(value, task.mapping))
    if (typeof made === 'string') tally.lose('standardization', made, origin)
    else {
      tally.leave('standardization')
      work({ origin, conversation: made, score: null, findings: [] })
    }
  }
  const setAside = ({ origin }: { readonly origin: Origin }): void => {
    const [first = 'standardization'] = task.stages
    tally.enter(first)
    tally.lose(first, 'poison-record', origin)
  }
  await readInput(vault, keyOwner, task, {
    entry(entry) {
      const fate = selection.next()
      tally.enter('ingestion')
      if ('reason' in entry) tally.lose('ingestion', entry.reason, entry.origin)
      else {
        tally.leave('ingestion')
        if (fate === 'work') standardized(entry)
        else if (fate === 'set aside') setAside(entry)
      }
    },
    raw(line) {
      const fate = selection.next()
      if (fate === 'work') standardized(line)
      else if (fate === 'set aside') setAside(line)
    },
    conversation(line) {
      const fate = selection.next()
      if (fate === 'work') work(line)
      else if (fate === 'set aside') setAside(line)
    },
  })
  if (task.tried !== undefined)
    return { objectId: undefined, sha256: undefined, ...tally.outcome(task.input) }

  const objectId =
    shard.records === 0 ? undefined : shardObjectId(prefix, last ?? 'processing', task.shard, task.attempt)
  const stored =
    objectId === undefined
      ? undefined
      : await vault.writeBytes({ owner: keyOwner, id: objectId, kind: 'shard' }, shard.encode())
  return { objectId, sha256: stored?.sha256, ...tally.outcome(task.input) }
}

/** What becomes of each record of a shard, in order: worked, set aside as poison, or left out of a search. */
class Selection {
  readonly #poison: ReadonlySet<number>
  readonly #tried: Isolation | undefined
  #position = -1

  constructor({ poison, tried }: RecordsTask) {
    this.#poison = new Set(poison)
    this.#tried = tried
  }

  next(): 'work' | 'set aside' | 'leave out' {
    const at = ++this.#position
    if (this.#tried !== undefined && (at < this.#tried.from || at >= this.#tried.to)) return 'leave out'
    return this.#poison.has(at) ? 'set aside' : 'work'
  }
}

/** Where the records of a shard go, by the form they are in. */
interface InputTaker {
  /** One of a slice, maybe unreadable. */
  entry(entry: RawLine | { readonly origin: Origin; readonly reason: ReadReason }): void
  raw(line: RawLine): void
  conversation(line: ConversationLine): void
}

async function readInput(vault: Vault, owner: string, task: RecordsTask, take: InputTaker): Promise<void> {
  const { input } = task
  if (input.kind === 'slice') return readSlice(vault, task, input, take.entry)
  const bytes = await vault.readBytes({ owner, id: input.objectId, kind: 'shard' })
  if (task.stages[0] === 'standardization') for (const line of decodeRaw(bytes)) take.raw(line)
  else for (const line of decodeConversations(bytes)) take.conversation(line)
}

/**
 * Hands over the records of a slice in order.
 * @throws Error when the source has fewer than were cut: it never changes, so that would be a fault of ours
 */
async function readSlice(
  vault: Vault,
  { mapping, datasetId, repairs = [] }: RecordsTask,
  slice: Extract<ShardInput, { kind: 'slice' }>,
  take: InputTaker['entry'],
): Promise<void> {
  const repaired = (await readRepairs(vault, repairs)).get(datasetId)
  const source = await vault.open({ owner: datasetId, id: slice.objectId, kind: 'source' })
  try {
    const start = slice.from === undefined ? {} : { from: slice.from }
    let taken = 0
    for await (const { records } of readRecords(source, slice.layout, mapping, start)) {
      for (const record of records) {
        if (taken === slice.records) return
        const { unit, line, byteOffset } = record.position
        const ordinal = slice.ordinal + taken
        const origin: Origin = [ordinal, unit, line, byteOffset]
        const read = orRepaired(record, repaired, ordinal, mapping)
        taken++
        take('reason' in read ? { origin, reason: read.reason } : { origin, value: read.value })
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
