import type { Mapping } from '../datasets/mapping.ts'
import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import type { Conversation, Message, Role } from './conversation.ts'
import { readChatml, readVicuna } from './markup.ts'
import { readTools, toolCallsOf } from './tool-calls.ts'

/** Why a record did not become a conversation. Never quotes it. */
export const standardizeReasons = [
  'not-a-conversation',
  'no-messages',
  'unknown-role',
  'text-missing',
  'bad-turn',
  'ambiguous-delimiter',
] as const
export type StandardizeReason = (typeof standardizeReasons)[number]

/**
 * Makes the canonical conversation of one record by its mapping; everything the mapping does not name is kept in
 * `meta`, so nothing is lost.
 * @param value a row or element; for shape `rows` the ordered list of its rows
 * @returns the conversation, or the reason for its quarantine
 */
export function standardize(value: Json, mapping: Mapping): Conversation | StandardizeReason {
  switch (mapping.shape) {
    case 'none':
      return 'not-a-conversation'
    case 'turns':
      return fromTurns(value, mapping)
    case 'exchange':
      return fromExchange(value, mapping)
    case 'text':
      return fromText(value, mapping)
    case 'rows':
      return fromRows(value, mapping)
  }
}

type TurnsMapping = Extract<Mapping, { shape: 'turns' }>

function fromTurns(value: Json, mapping: TurnsMapping): Conversation | StandardizeReason {
  const record = isJsonObject(value) ? value : {}
  const held = mapping.turnsField === undefined ? value : record[mapping.turnsField]
  const turns = parsedIfText(held)
  if (!Array.isArray(turns)) return 'not-a-conversation'
  const messages: Message[] = []
  const system = mapping.systemField === undefined ? undefined : record[mapping.systemField]
  if (typeof system === 'string' && system !== '') messages.push({ role: 'system', content: system })
  let joinedTo: { readonly role: Role; readonly value: Json } | undefined
  for (const turn of turns) {
    const message = readTurn(turn, mapping, messages)
    if (typeof message === 'string') return message
    const join = mapping.joinField === undefined || !isJsonObject(turn) ? undefined : turn[mapping.joinField]
    const last = messages.at(-1)
    if (join !== undefined && last && joinedTo?.role === message.role && joinedTo.value === join) {
      messages[messages.length - 1] = { ...last, content: `${last.content} ${message.content}`.trim() }
      continue
    }
    joinedTo = join === undefined ? undefined : { role: message.role, value: join }
    messages.push(message)
  }
  if (messages.every((message) => message.role === 'system')) return 'no-messages'
  const tools = mapping.toolsField === undefined ? undefined : readTools(record[mapping.toolsField])
  const named = [
    mapping.turnsField,
    mapping.systemField,
    tools === undefined ? undefined : mapping.toolsField,
  ]
  const meta = isJsonObject(value) ? unfolded(without(record, named)) : {}
  return { messages, ...(tools === undefined || tools.length === 0 ? {} : { tools }), meta }
}

/** Own names only: a speaker may be called `constructor`. */
const roleOf = ({ roles }: { readonly roles: Readonly<Record<string, Role>> }, name: string) =>
  Object.hasOwn(roles, name) ? roles[name] : undefined

function readTurn(
  turn: Json,
  mapping: TurnsMapping,
  before: readonly Message[],
): Message | StandardizeReason {
  if (!isJsonObject(turn)) return 'bad-turn'
  const name = turn[mapping.roleField]
  if (typeof name !== 'string') return 'unknown-role'
  const sourceRole = name.trim().toLowerCase()
  const role = roleOf(mapping, sourceRole)
  if (role === undefined) return 'unknown-role'
  const calls = toolCallsOf(turn, sourceRole, turn[mapping.textField], before)
  const content = calls?.fromText ? '' : textOf(turn[mapping.textField])
  if (content === undefined && calls === undefined) return 'text-missing'
  const rest = without(turn, [mapping.roleField, mapping.textField, 'tool_calls', 'tool_call_id', 'name'])
  const speaker = turn.name
  // Most turns are only this; the spreads below cost more than all the rest.
  if (calls === undefined && role !== 'tool' && speaker === undefined && isEmpty(rest)) {
    return { role, content: content ?? '' }
  }
  const toolCallId = turn.tool_call_id
  return {
    role,
    content: content ?? '',
    ...(typeof speaker === 'string' ? { name: speaker } : {}),
    ...(calls === undefined ? {} : { toolCalls: calls.calls }),
    ...(role === 'tool'
      ? { toolCallId: typeof toolCallId === 'string' ? toolCallId : lastCallId(before) }
      : {}),
    ...(isEmpty(rest) ? {} : { meta: rest }),
  }
}

const lastCallId = (before: readonly Message[]): string =>
  before.findLast((message) => message.toolCalls !== undefined)?.toolCalls?.at(-1)?.id ?? 'call_0'

/** Content as a string: text, null beside tool calls, or the text parts of an OpenAI content list. */
function textOf(content: Json | undefined): string | undefined {
  if (typeof content === 'string') return content
  if (typeof content === 'number' || typeof content === 'boolean') return String(content)
  if (!Array.isArray(content)) return undefined
  const parts = content.map((part) => {
    if (typeof part === 'string') return part
    if (!isJsonObject(part)) return undefined
    const text = part.text ?? part.value ?? part.content
    return typeof text === 'string' ? text : undefined
  })
  return parts.every((part) => part !== undefined) ? parts.join('') : undefined
}

function fromExchange(
  value: Json,
  mapping: Extract<Mapping, { shape: 'exchange' }>,
): Conversation | StandardizeReason {
  if (!isJsonObject(value)) return 'not-a-conversation'
  const instruction = value[mapping.instructionField]
  const output = value[mapping.outputField]
  const input = mapping.inputField === undefined ? undefined : value[mapping.inputField]
  if (typeof instruction !== 'string' || typeof output !== 'string') return 'text-missing'
  const messages: Message[] = []
  const system = mapping.systemField === undefined ? undefined : value[mapping.systemField]
  if (typeof system === 'string' && system !== '') messages.push({ role: 'system', content: system })
  const history = mapping.historyField === undefined ? undefined : parsedIfText(value[mapping.historyField])
  for (const pair of Array.isArray(history) ? history : []) {
    if (!Array.isArray(pair) || typeof pair[0] !== 'string' || typeof pair[1] !== 'string') return 'bad-turn'
    messages.push({ role: 'user', content: pair[0] }, { role: 'assistant', content: pair[1] })
  }
  const hasInput = typeof input === 'string' && input !== ''
  messages.push({ role: 'user', content: hasInput ? `${instruction}\n${input}` : instruction })
  messages.push({ role: 'assistant', content: output })
  const { instructionField, inputField, outputField, systemField, historyField } = mapping
  const rest = without(value, [instructionField, inputField, outputField, systemField, historyField])
  // The boundary between instruction and input would be lost in one message: kept for a way back to Alpaca.
  return { messages, meta: hasInput ? { ...rest, instruction, input } : rest }
}

function fromText(
  value: Json,
  mapping: Extract<Mapping, { shape: 'text' }>,
): Conversation | StandardizeReason {
  const text = isJsonObject(value) ? value[mapping.textField] : value
  if (typeof text !== 'string') return 'text-missing'
  const messages = mapping.markup === 'chatml' ? readChatml(text) : readVicuna(text)
  if (typeof messages === 'string') return messages
  return { messages, meta: isJsonObject(value) ? without(value, [mapping.textField]) : {} }
}

function fromRows(
  value: Json,
  mapping: Extract<Mapping, { shape: 'rows' }>,
): Conversation | StandardizeReason {
  if (!Array.isArray(value)) return 'not-a-conversation'
  const rows = value.filter(isJsonObject)
  if (rows.length === 0) return 'no-messages'
  const named = [mapping.roleField, mapping.textField]
  const columns = Object.keys(rows[0] ?? {}).filter((column) => !named.includes(column))
  const constant = columns.filter((column) => rows.every((row) => row[column] === rows[0]?.[column]))
  const messages: Message[] = []
  for (const row of rows) {
    const name = row[mapping.roleField]
    const role = typeof name === 'string' ? roleOf(mapping, name.trim().toLowerCase()) : undefined
    if (role === undefined) return 'unknown-role'
    const content = textOf(row[mapping.textField])
    if (content === undefined) return 'text-missing'
    const rest = without(row, [...named, ...constant])
    messages.push({ role, content, ...(Object.keys(rest).length === 0 ? {} : { meta: rest }) })
  }
  const shared = Object.fromEntries(constant.map((column) => [column, rows[0]?.[column] ?? null]))
  return { messages, meta: shared }
}

/** CSV and Parquet carry lists as JSON text. */
function parsedIfText(value: Json | undefined): Json | undefined {
  if (typeof value !== 'string' || !/^\s*\[/.test(value)) return value
  try {
    return JSON.parse(value) as Json
  } catch {
    return value
  }
}

/**
 * A file we exported comes back as it went out: its `meta` column (JSON text in CSV and Parquet) is what it was, and
 * a null cell of a table says only that the record has no such field.
 */
function unfolded(rest: JsonObject): JsonObject {
  if (isEmpty(rest)) return rest
  const present = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null))
  const held = typeof present.meta === 'string' ? parsedObject(present.meta) : present.meta
  if (!isJsonObject(held)) return present
  const { meta: _meta, ...others } = present
  return { ...others, ...held }
}

function parsedObject(text: string): Json | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

function without(record: JsonObject, fields: readonly (string | undefined)[]): JsonObject {
  const rest: JsonObject = {}
  for (const field in record) {
    // Defined, not assigned: a field may be called __proto__.
    if (!fields.includes(field)) define(rest, field, record[field] ?? null)
  }
  return rest
}

const define = (record: JsonObject, field: string, value: Json): void => {
  if (field === '__proto__') {
    Object.defineProperty(record, field, { value, enumerable: true, writable: true, configurable: true })
  } else record[field] = value
}

const isEmpty = (record: JsonObject): boolean => {
  for (const _field in record) return false
  return true
}
