import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import type { Message, ToolCall } from './conversation.ts'

/**
 * The tool calls of a turn: OpenAI's `tool_calls`, its deprecated `function_call`, or a ShareGPT turn whose role is
 * `function_call` and whose text is the call as JSON. Call JSON that does not parse stays text.
 * @returns undefined when the turn calls nothing; `fromText` when the text was the call
 */
export function toolCallsOf(
  turn: JsonObject,
  sourceRole: string,
  text: Json | undefined,
  before: readonly Message[],
): { readonly calls: readonly ToolCall[]; readonly fromText: boolean } | undefined {
  if (!('tool_calls' in turn) && !('function_call' in turn) && sourceRole !== 'function_call')
    return undefined
  let counter = before.reduce((sum, message) => sum + (message.toolCalls?.length ?? 0), 0)
  const made = (name: string, given: Json | undefined, id: Json | undefined): ToolCall => ({
    // ShareGPT has no ids: made from the position, so that they are the same on every run.
    id: typeof id === 'string' && id !== '' ? id : `call_${++counter}`,
    name,
    arguments: typeof given === 'string' ? given : JSON.stringify(given ?? {}),
  })
  const listed = Array.isArray(turn.tool_calls) ? turn.tool_calls : undefined
  const single = isJsonObject(turn.function_call) ? [turn.function_call] : undefined
  const calls = (listed ?? single ?? []).flatMap((call) => {
    if (!isJsonObject(call)) return []
    const inner = isJsonObject(call.function) ? call.function : call
    return typeof inner.name === 'string' ? [made(inner.name, inner.arguments, call.id)] : []
  })
  if (calls.length > 0) return { calls, fromText: false }
  if (sourceRole !== 'function_call' || typeof text !== 'string') return undefined
  const parsed = parse(text)
  const fromText = (Array.isArray(parsed) ? parsed : [parsed]).flatMap((call) =>
    isJsonObject(call) && typeof call.name === 'string' ? [made(call.name, call.arguments, undefined)] : [],
  )
  return fromText.length === 0 ? undefined : { calls: fromText, fromText: true }
}

/** Function definitions as OpenAI tools, from a list or its JSON text; ShareGPT leaves the envelope out. */
export function readTools(value: Json | undefined): Json[] | undefined {
  const list = typeof value === 'string' ? (value.trim() === '' ? [] : parse(value)) : value
  if (!Array.isArray(list)) return undefined
  return list.map((tool) =>
    isJsonObject(tool) && !('function' in tool) ? { type: 'function', function: tool } : tool,
  )
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}
