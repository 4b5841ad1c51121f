import type { Message, ToolCall } from '../../conversations/conversation.ts'
import { isJsonObject, type Json, type JsonObject, parsedJson } from '../../json.ts'
import { rendered, type TargetTemplate } from './template.ts'

const speaker = {
  developer: 'system',
  system: 'system',
  user: 'human',
  assistant: 'gpt',
  tool: 'observation',
}

export const sharegpt: TargetTemplate = {
  title: 'ShareGPT',
  loses: 'Tool call ids, names of speakers and all metadata; developer messages become system messages.',
  columns: ['conversations', 'system', 'tools'],
  render({ messages, tools }) {
    const [first, ...rest] = messages
    const system = first?.role === 'system' || first?.role === 'developer' ? first.content : undefined
    const value: JsonObject = { conversations: (system === undefined ? messages : rest).flatMap(turns) }
    if (system !== undefined) value.system = system
    if (tools?.length) value.tools = JSON.stringify(tools.map(functionOf))
    return rendered(value)
  },
}

function turns({ role, content, toolCalls }: Message): JsonObject[] {
  if (!toolCalls?.length) return [{ from: speaker[role], value: content }]
  const spoken = content === '' ? [] : [{ from: speaker[role], value: content }]
  // One turn per round: readers of the format expect a single function_call before its observations.
  const calls = toolCalls.map(callOf)
  return [
    ...spoken,
    { from: 'function_call', value: JSON.stringify(calls.length === 1 ? (calls[0] ?? null) : calls) },
  ]
}

function callOf({ name, arguments: text }: ToolCall): JsonObject {
  const value = parsedJson(text)
  // Arguments that do not parse stay the text they are.
  return { name, arguments: value === undefined ? text : value }
}

const functionOf = (tool: Json): Json =>
  isJsonObject(tool) && isJsonObject(tool.function) ? tool.function : tool
