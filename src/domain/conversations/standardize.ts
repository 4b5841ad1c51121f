import type { Mapping } from '../datasets/mapping.ts'
import { isJsonObject, type Json } from '../json.ts'
import type { Conversation } from './conversation.ts'
import { fromExchange } from './from-exchange.ts'
import { fromRows } from './from-rows.ts'
import { fromTurns } from './from-turns.ts'
import { readChatml, readVicuna } from './markup.ts'
import { without } from './record-fields.ts'
import type { StandardizeReason } from './standardize-reason.ts'

/**
 * Makes the canonical conversation of one record by its mapping; everything the mapping does not name is kept in
 * `meta`, and so is, under its source field's name, what a named field holds but a conversation cannot, so nothing is
 * lost. Null says only that there is no such value.
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
