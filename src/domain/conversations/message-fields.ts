import type { Json } from '../json.ts'
import { isJsonObject, numberText } from '../json.ts'
import type { Message, Role } from './conversation.ts'
import { callId } from './tool-calls.ts'

/** Own names only: a speaker may be called `constructor`. */
export const roleOf = ({ roles }: { readonly roles: Readonly<Record<string, Role>> }, name: string) =>
  Object.hasOwn(roles, name) ? roles[name] : undefined

/** Whether nobody speaks in it: instructions alone are no conversation. */
export const saysNothing = (messages: readonly Message[]): boolean =>
  messages.every(({ role }) => role === 'system')

/** A message while it is put together: adding what a turn has costs less than spreads of what it lacks. */
export type Draft = { -readonly [Key in keyof Message]: Message[Key] }

/** Only a result has a place for the id of a call; null and an empty cell are none. */
export const isPlacedId = (value: Json | undefined, role: Role): boolean =>
  value === null || value === '' || (role === 'tool' && callId(value) !== undefined)

/** Whether the text of a content is all of it: where parts stand one behind the other, or say more, they are kept too. */
export const isAllText = (content: Json | undefined): boolean =>
  !Array.isArray(content) || (content.length <= 1 && content.every(isTextPart))

const isTextPart = (part: Json): boolean =>
  !isJsonObject(part) ||
  Object.entries(part).every(([field, value]) => field === 'text' || (field === 'type' && value === 'text'))

/** Content as a string: text, null beside tool calls, or the text parts of an OpenAI content list. */
export function textOf(content: Json | undefined): string | undefined {
  if (typeof content === 'string') return content
  if (typeof content === 'boolean') return String(content)
  if (!Array.isArray(content)) return numberText(content)
  const parts = content.map((part) => {
    if (typeof part === 'string') return part
    if (!isJsonObject(part)) return undefined
    const text = part.text ?? part.value ?? part.content
    return typeof text === 'string' ? text : undefined
  })
  return parts.every((part) => part !== undefined) ? parts.join('') : undefined
}
