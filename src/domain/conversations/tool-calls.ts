import { isJsonObject, type Json, type JsonObject, numberText, parsedJson } from '../json.ts'
import type { ToolCall } from './conversation.ts'

/** The calls of a conversation while it is read: numbers those without an id and says which one a result answers. */
export class CallLedger {
  #count = 0
  #open: string[] = []
  #last = 'call_0'
  #lastAt = -1

  /** How many calls there were so far. */
  get count(): number {
    return this.#count
  }

  /**
   * Enters the calls of the message at an index. Neighbours that call are one round, as ShareGPT writes each of
   * several parallel calls as a turn; a later round leaves what nobody answered behind.
   */
  called(calls: readonly ToolCall[], at: number): void {
    if (at !== this.#lastAt + 1) this.#open = []
    for (const { id } of calls) this.#open.push(id)
    this.#count += calls.length
    this.#last = calls.at(-1)?.id ?? this.#last
    this.#lastAt = at
  }

  /**
   * The id of the call that a result answers: the one it names, or else the first of the round that is unanswered.
   * When all are answered it belongs to the last.
   */
  answered(named: string | undefined): string {
    if (named === undefined) return this.#open.shift() ?? this.#last
    const at = this.#open.indexOf(named)
    if (at >= 0) this.#open.splice(at, 1)
    return named
  }
}

/** The id of a call as text; undefined when there is none. */
export function callId(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : numberText(value)
}

/** What a turn calls, and where that stood. */
export interface TurnCalls {
  readonly calls: readonly ToolCall[]
  readonly from: 'tool_calls' | 'function_call' | 'text'
  /** Entries of the list that are no call. */
  readonly unread: Json[]
  /** Entries that say more than a call has a place for. */
  readonly more: Json[]
}

/**
 * The tool calls of a turn: OpenAI's `tool_calls`, its deprecated `function_call`, or a ShareGPT turn whose role is
 * `function_call` and whose text is the call as JSON. Call JSON that does not parse stays text.
 * @param before how many calls the conversation had so far
 * @returns undefined when the turn calls nothing
 */
export function toolCallsOf(
  turn: JsonObject,
  sourceRole: string,
  text: Json | undefined,
  before: number,
): TurnCalls | undefined {
  if (!('tool_calls' in turn) && !('function_call' in turn) && sourceRole !== 'function_call')
    return undefined
  const listed = Array.isArray(turn.tool_calls) ? turn.tool_calls : undefined
  const from = listed === undefined ? 'function_call' : 'tool_calls'
  const read = readCalls(listed ?? [turn.function_call ?? null], before)
  if (read.calls.length > 0) return { ...read, from }
  if (sourceRole !== 'function_call' || typeof text !== 'string') return undefined
  const parsed = parsedJson(text) ?? null
  const spoken = readCalls(Array.isArray(parsed) ? parsed : [parsed], before)
  // In part it would be neither the text that stood there nor all of its calls.
  return spoken.calls.length === 0 || spoken.unread.length > 0 ? undefined : { ...spoken, from: 'text' }
}

function readCalls(entries: readonly Json[], before: number): Omit<TurnCalls, 'from'> {
  let counter = before
  const calls: ToolCall[] = []
  const unread: Json[] = []
  const more: Json[] = []
  for (const call of entries) {
    const inner = isJsonObject(call) && isJsonObject(call.function) ? call.function : call
    if (!isJsonObject(call) || !isJsonObject(inner) || typeof inner.name !== 'string') {
      unread.push(call)
      continue
    }
    const given = inner.arguments
    if (saysMore(call, inner)) more.push(call)
    calls.push({
      // Made from the position where there is none, so that it is the same on every run.
      id: callId(call.id) ?? `call_${++counter}`,
      name: inner.name,
      arguments: typeof given === 'string' ? given : JSON.stringify(given ?? {}),
    })
  }
  return { calls, unread, more }
}

const saysMore = (call: JsonObject, inner: JsonObject): boolean =>
  (call !== inner && Object.keys(inner).some((field) => field !== 'name' && field !== 'arguments')) ||
  Object.entries(call).some(([field, value]) =>
    field === 'type' ? value !== 'function' : !(call === inner ? flatCall : wrappedCall).includes(field),
  )

const flatCall: readonly string[] = ['id', 'name', 'arguments']
const wrappedCall: readonly string[] = ['id', 'function']

/** Function definitions as OpenAI tools, from a list or its JSON text; ShareGPT leaves the envelope out. */
export function readTools(value: Json | undefined): Json[] | undefined {
  const list = typeof value === 'string' ? (value.trim() === '' ? [] : parsedJson(value)) : value
  if (!Array.isArray(list)) return undefined
  return list.map((tool) =>
    isJsonObject(tool) && !('function' in tool) ? { type: 'function', function: tool } : tool,
  )
}
