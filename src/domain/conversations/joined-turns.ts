import { isSame, type Json, type JsonObject } from '../json.ts'
import type { Message } from './conversation.ts'
import { define, freeKey, isEmpty } from './record-fields.ts'

/**
 * Makes one message of consecutive ones with an equal join value. Messages stay apart where one would hide the other:
 * of different roles or names, results of different calls, or when the later one calls tools. Their `meta` are merged;
 * where they contradict each other the first one's stays and those of the later ones follow whole and in order, in a
 * list under `joined`.
 * @param joins the join value of each message; undefined where it has none
 */
export function joined(messages: readonly Message[], joins: readonly (Json | undefined)[]): Message[] {
  const groups: [Message, ...Message[]][] = []
  let first: Message | undefined
  for (const [at, message] of messages.entries()) {
    const join = joins[at]
    if (first !== undefined && join !== undefined && isSame(join, joins[at - 1]) && fits(first, message)) {
      groups.at(-1)?.push(message)
    } else {
      first = message
      groups.push([message])
    }
  }
  return groups.map(asOne)
}

const fits = (first: Message, next: Message): boolean =>
  next.role === first.role &&
  next.name === first.name &&
  next.toolCallId === first.toolCallId &&
  next.toolCalls === undefined

function asOne([first, ...later]: readonly [Message, ...Message[]]): Message {
  if (later.length === 0) return first
  const said = [first, ...later].map((message) => message.content)
  const content = said.filter((text) => text !== '').join(' ')
  const meta = mergedMeta(first.meta ?? {}, later)
  return { ...first, content, ...(isEmpty(meta) ? {} : { meta }) }
}

function mergedMeta(first: JsonObject, later: readonly Message[]): JsonObject {
  const merged = { ...first }
  for (const { meta } of later) {
    for (const field in meta) {
      const value = meta[field] ?? null
      if (!Object.hasOwn(merged, field)) define(merged, field, value)
      else if (!isSame(merged[field], value)) {
        return { ...first, [freeKey(first, 'joined', 'meta')]: later.map((message) => message.meta ?? {}) }
      }
    }
  }
  return merged
}
