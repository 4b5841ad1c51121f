import type { Mapping } from '../datasets/mapping.ts'
import { isJsonObject, isSame, type Json, type JsonObject } from '../json.ts'
import type { Conversation, Message } from './conversation.ts'
import { type Draft, isAllText, isPlacedId, roleOf, saysNothing, textOf } from './message-fields.ts'
import { define, isEmpty } from './record-fields.ts'
import type { StandardizeReason } from './standardize-reason.ts'
import { CallLedger, callId } from './tool-calls.ts'

/** The rows of one conversation, in order; columns that are the same in all of them are the conversation's. */
export function fromRows(
  value: Json,
  mapping: Extract<Mapping, { shape: 'rows' }>,
): Conversation | StandardizeReason {
  if (!Array.isArray(value)) return 'not-a-conversation'
  const rows = value.filter(isJsonObject)
  if (rows.length < value.length) return 'bad-turn'
  if (rows.length === 0) return 'no-messages'
  const named = [mapping.roleField, mapping.textField]
  // A result's call is the message's own, even where every row names the same one.
  const columns = Object.keys(rows[0] ?? {}).filter(
    (column) => column !== 'tool_call_id' && !named.includes(column),
  )
  const constant = columns.filter((column) => rows.every((row) => isSame(row[column], rows[0]?.[column])))
  const elsewhere = [...named, ...constant]
  const ledger = new CallLedger()
  const messages: Message[] = []
  for (const row of rows) {
    const name = row[mapping.roleField]
    const role = typeof name === 'string' ? roleOf(mapping, name.trim().toLowerCase()) : undefined
    if (role === undefined) return 'unknown-role'
    const content = textOf(row[mapping.textField])
    if (content === undefined) return 'text-missing'
    const message: Draft = { role, content }
    if (role === 'tool') message.toolCallId = ledger.answered(callId(row.tool_call_id))
    const isLeft = (field: string): boolean =>
      field === mapping.textField
        ? !isAllText(row[field])
        : field === 'tool_call_id'
          ? !isPlacedId(row[field], role)
          : !elsewhere.includes(field)
    const rest: JsonObject = {}
    for (const field in row) if (isLeft(field)) define(rest, field, row[field] ?? null)
    if (!isEmpty(rest)) message.meta = rest
    messages.push(message)
  }
  if (saysNothing(messages)) return 'no-messages'
  const shared = Object.fromEntries(constant.map((column) => [column, rows[0]?.[column] ?? null]))
  return { messages, meta: shared }
}
