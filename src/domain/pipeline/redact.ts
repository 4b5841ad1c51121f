import type { Conversation, Message } from '../conversations/conversation.ts'
import { define, freeKey } from '../conversations/record-fields.ts'
import { isJsonObject, type Json, type JsonObject, numberText, parsedJson } from '../json.ts'
import { findPersonalData } from '../quality/checks/privacy.ts'
import type { Redaction } from './run.ts'

export interface Redacted {
  readonly conversation: Conversation
  /** Places replaced, by kind; only kinds that were asked for. */
  readonly counts: Readonly<Partial<Record<Redaction, number>>>
}

/** Replaces personal data by placeholders like `[EMAIL_1]`: one number per value within a conversation. */
export function redact(conversation: Conversation, kinds: readonly Redaction[]): Redacted {
  const redactor = new Redactor(kinds)
  const messages = conversation.messages.map((message) => redactor.message(message))
  const tools = conversation.tools?.map((tool) => redactor.json(tool))
  const meta = redactor.object(conversation.meta)
  return {
    conversation: { ...conversation, messages, ...(tools && { tools }), meta },
    counts: redactor.counts,
  }
}

class Redactor {
  readonly counts: Partial<Record<Redaction, number>> = {}
  readonly #numbers = new Map<Redaction, Map<string, number>>()

  constructor(kinds: readonly Redaction[]) {
    for (const kind of kinds) {
      this.counts[kind] = 0
      this.#numbers.set(kind, new Map())
    }
  }

  message(message: Message): Message {
    const { content, name, toolCalls, meta } = message
    return {
      ...message,
      content: this.text(content),
      ...(name !== undefined && { name: this.text(name) }),
      ...(toolCalls && {
        toolCalls: toolCalls.map((call) => ({
          ...call,
          name: this.text(call.name),
          arguments: this.#arguments(call.arguments),
        })),
      }),
      ...(meta && { meta: this.object(meta) }),
    }
  }

  text(text: string): string {
    let result = ''
    let copied = 0
    for (const { kind, start, end } of findPersonalData(text)) {
      const numbers = this.#numbers.get(kind)
      if (numbers === undefined) continue
      result += text.slice(copied, start) + this.#placeholder(kind, numbers, text.slice(start, end))
      copied = end
    }
    return copied === 0 ? text : result + text.slice(copied)
  }

  json(value: Json): Json {
    if (typeof value === 'string') return this.text(value)
    const number = numberText(value)
    if (number !== undefined) {
      // A card number written as a JSON number is a card number all the same.
      const redacted = this.text(number)
      return redacted === number ? value : redacted
    }
    if (Array.isArray(value)) return value.map((each) => this.json(each))
    return isJsonObject(value) ? this.object(value) : value
  }

  object(value: JsonObject): JsonObject {
    const redacted: JsonObject = {}
    for (const [key, each] of Object.entries(value)) {
      // Two names may become the same placeholder, and both have a value.
      define(redacted, freeKey(redacted, this.text(key), 'other'), this.json(each))
    }
    return redacted
  }

  #placeholder(kind: Redaction, numbers: Map<string, number>, value: string): string {
    const same = kind === 'email' || kind === 'ip' ? value.toLowerCase() : value.replace(/\D/g, '')
    const number = numbers.get(same) ?? numbers.size + 1
    numbers.set(same, number)
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
    return `[${kind.toUpperCase()}_${number}]`
  }

  /** Inside the JSON, as escapes would hide a value or break around it; written anew only when changed. */
  #arguments(text: string): string {
    const value = parsedJson(text)
    if (value === undefined) return this.text(text)
    const redacted = JSON.stringify(this.json(value))
    return redacted === JSON.stringify(value) ? text : redacted
  }
}
