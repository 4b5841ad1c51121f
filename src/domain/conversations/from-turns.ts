import type { Mapping } from '../datasets/mapping.ts'
import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import type { Conversation, Message, Role } from './conversation.ts'
import { joined } from './joined-turns.ts'
import { type Draft, isAllText, isPlacedId, roleOf, saysNothing, textOf } from './message-fields.ts'
import { define, parsedIfText, unfolded, without } from './record-fields.ts'
import type { StandardizeReason } from './standardize-reason.ts'
import { CallLedger, callId, readTools, type TurnCalls, toolCallsOf } from './tool-calls.ts'

type TurnsMapping = Extract<Mapping, { shape: 'turns' }>

/** A list of turns under any field and role names, with the calls of tools between them. */
export function fromTurns(value: Json, mapping: TurnsMapping): Conversation | StandardizeReason {
  const record = isJsonObject(value) ? value : {}
  const held = mapping.turnsField === undefined ? value : record[mapping.turnsField]
  const turns = parsedIfText(held)
  if (!Array.isArray(turns)) return 'not-a-conversation'
  const messages: Message[] = []
  const joins: (Json | undefined)[] | undefined = mapping.joinField === undefined ? undefined : []
  const system = mapping.systemField === undefined ? undefined : record[mapping.systemField]
  if (typeof system === 'string' && system !== '') {
    messages.push({ role: 'system', content: system })
    joins?.push(undefined)
  }
  const ledger = new CallLedger()
  for (const turn of turns) {
    const message = readTurn(turn, mapping, ledger, messages.length)
    if (typeof message === 'string') return message
    messages.push(message)
    joins?.push(ownField(turn, mapping.joinField))
  }
  if (saysNothing(messages)) return 'no-messages'
  const tools = mapping.toolsField === undefined ? undefined : readTools(record[mapping.toolsField])
  const placed = (field: string | undefined, isRead: boolean): string | undefined =>
    field !== undefined && (isRead || record[field] === null) ? field : undefined
  const named = [
    mapping.turnsField,
    placed(mapping.systemField, typeof system === 'string'),
    placed(mapping.toolsField, tools !== undefined),
  ]
  const meta = isJsonObject(value) ? unfolded(without(record, named)) : {}
  return {
    messages: joins === undefined ? messages : joined(messages, joins),
    ...(tools === undefined || tools.length === 0 ? {} : { tools }),
    meta,
  }
}

const ownField = (turn: Json, field: string | undefined): Json | undefined =>
  field !== undefined && isJsonObject(turn) && Object.hasOwn(turn, field) ? turn[field] : undefined

function readTurn(
  turn: Json,
  mapping: TurnsMapping,
  ledger: CallLedger,
  at: number,
): Message | StandardizeReason {
  if (!isJsonObject(turn)) return 'bad-turn'
  const name = turn[mapping.roleField]
  if (typeof name !== 'string') return 'unknown-role'
  const sourceRole = name.trim().toLowerCase()
  const role = roleOf(mapping, sourceRole)
  if (role === undefined) return 'unknown-role'
  const called = toolCallsOf(turn, sourceRole, turn[mapping.textField], ledger.count)
  const content = called?.from === 'text' ? '' : textOf(turn[mapping.textField])
  if (content === undefined && called === undefined) return 'text-missing'
  const message: Draft = { role, content: content ?? '' }
  if (typeof turn.name === 'string') message.name = turn.name
  if (called !== undefined) {
    message.toolCalls = called.calls
    ledger.called(called.calls, at)
  }
  if (role === 'tool') message.toolCallId = ledger.answered(callId(turn.tool_call_id))
  const isTextRead = content !== undefined && isAllText(turn[mapping.textField])
  const meta = leftOf(turn, mapping, role, called, isTextRead)
  if (meta !== undefined) message.meta = meta
  return message
}

/** What of a turn its message has no place for; undefined when nothing is left, as with most turns. */
function leftOf(
  turn: JsonObject,
  { roleField, textField }: TurnsMapping,
  role: Role,
  called: TurnCalls | undefined,
  textRead: boolean,
): JsonObject | undefined {
  let left: JsonObject | undefined
  const saysMore = called !== undefined && called.more.length > 0
  for (const field in turn) {
    if (field === roleField || (field === textField && textRead && !(called?.from === 'text' && saysMore)))
      continue
    let value = turn[field] ?? null
    switch (field) {
      case textField:
        if (value === null) continue
        break
      case 'name':
        if (value === null || typeof value === 'string') continue
        break
      case 'tool_calls':
        if (called?.from === 'tool_calls') value = [...called.unread, ...called.more]
        if (value === null || (Array.isArray(value) && value.length === 0)) continue
        break
      case 'function_call':
        if (value === null || (called?.from === 'function_call' && !saysMore)) continue
        break
      case 'tool_call_id':
        if (isPlacedId(value, role)) continue
        break
    }
    left ??= {}
    define(left, field, value)
  }
  return left
}
