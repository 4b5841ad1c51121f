import type { Mapping } from '../datasets/mapping.ts'
import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import type { Conversation, Message } from './conversation.ts'
import { define, freeKey, parsedIfText, without } from './record-fields.ts'
import type { StandardizeReason } from './standardize-reason.ts'

/**
 * One exchange. Where it has an input, `meta` remembers as `instruction` and `input` how the prompt was split: the
 * boundary would be lost in one message, and the way back to Alpaca needs it. Other fields of the record that are
 * called so keep their values as `record.instruction` and `record.input`.
 */
export function fromExchange(
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
  const rest = without(value, [
    instructionField,
    outputField,
    isTextOrNull(input) ? inputField : undefined,
    isTextOrNull(system) ? systemField : undefined,
    Array.isArray(history) || history === null || history === '' ? historyField : undefined,
  ])
  if (!hasInput) return { messages, meta: rest }
  const meta: JsonObject = {}
  for (const field in rest) {
    const taken = field === 'instruction' || field === 'input'
    define(meta, taken ? freeKey(rest, `record.${field}`, 'record') : field, rest[field] ?? null)
  }
  meta.instruction = instruction
  meta.input = input
  return { messages, meta }
}

const isTextOrNull = (value: Json | undefined): boolean => value === null || typeof value === 'string'
