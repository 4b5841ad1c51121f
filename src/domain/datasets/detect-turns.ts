import type { Role } from '../conversations/conversation.ts'
import type { Evidence } from '../formats/source.ts'
import { isJsonObject, isNumber, isSame, type Json, type JsonObject, parsedJson } from '../json.ts'
import { knownRole } from './role-names.ts'
import { percent, type Shape } from './shape.ts'

/** A list of turns in a field of each record, or as the record itself, under any field and role names. */
export function detectTurns(sample: readonly Json[]): Shape | undefined {
  const records = sample.filter(isJsonObject)
  const candidates: { field: string | undefined; lists: JsonObject[][] }[] = []
  if (sample.every(Array.isArray)) candidates.push({ field: undefined, lists: sample.map(turnsOf) })
  const fields = new Set(records.slice(0, 50).flatMap((record) => Object.keys(record)))
  for (const field of fields) {
    const lists = records.map((record) => turnsOf(record[field])).filter((list) => list.length > 0)
    if (lists.length >= records.length * 0.6 && lists.length > 0) candidates.push({ field, lists })
  }
  const found = candidates.flatMap(({ field, lists }) => {
    const turns = lists.flat().slice(0, 5_000)
    const names = speakerField(turns)
    const textField = names === undefined ? undefined : longestTextField(turns, names)
    return names === undefined || textField === undefined ? [] : [{ field, lists, turns, names, textField }]
  })
  const best = found.toSorted((one, other) => other.turns.length - one.turns.length)[0]
  if (!best) return undefined
  return turnsShape(sample, records, best)
}

interface Found {
  readonly field: string | undefined
  readonly lists: readonly JsonObject[][]
  readonly turns: readonly JsonObject[]
  readonly names: string
  readonly textField: string
}

function turnsShape(sample: readonly Json[], records: readonly JsonObject[], found: Found): Shape {
  const { field, lists, turns, names, textField } = found
  const roles: Record<string, Role> = {}
  const counts = new Map<string, number>()
  let known = 0
  for (const turn of turns) {
    const value = turn[names]
    const role = typeof value === 'string' ? knownRole(value) : undefined
    if (typeof value !== 'string' || role === undefined) continue
    known++
    const name = value.trim().toLowerCase()
    roles[name] = role
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const sureOfRoles = known / turns.length
  const sureOfText = turns.filter((turn) => turn[textField] !== undefined).length / turns.length
  const held = lists.length / sample.length
  // Preference data looks like chats, but its last turn is not in the list.
  const isPreference = records.some((record) => 'chosen' in record && 'rejected' in record)
  const joinField = joinFieldOf(lists, names)
  const toolsField = records.some((record) => 'tools' in record) ? 'tools' : undefined
  const systemField = records.some((record) => typeof record.system === 'string') ? 'system' : undefined
  const name = shapeName(field, names, textField)
  const sure = isPreference ? 0.6 : Math.min(held, 1)
  const evidence: Evidence[] = [
    {
      question: 'shape',
      answer: name,
      because: `${field ?? 'each record'} holds a list of turns in ${lists.length} of ${sample.length} sampled records${isPreference ? '; chosen and rejected replies stand beside it and are kept, not used' : ''}`,
      sure,
    },
    {
      question: 'speaker',
      answer: names,
      because: `${counts.size} known names: ${[...counts].map(([role, count]) => `${role} ${count.toLocaleString('en')}`).join(', ')}`,
      sure: sureOfRoles,
    },
    {
      question: 'text',
      answer: textField,
      because: `present in ${percent(sureOfText)} of ${turns.length.toLocaleString('en')} sampled turns`,
      sure: sureOfText,
    },
    {
      question: 'roles',
      answer: Object.entries(roles)
        .map(([role, as]) => `${role} is ${as}`)
        .join(', '),
      because: 'known names of roles',
      sure: sureOfRoles,
    },
  ]
  if (joinField !== undefined) {
    evidence.push({
      question: 'order',
      answer: `turns of one ${joinField} are one message`,
      because: 'it stays the same over turns of one speaker and changes with the speaker',
      sure: 0.95,
    })
  }
  return {
    name,
    sure: sure * sureOfRoles * sureOfText,
    evidence,
    mapping: {
      shape: 'turns',
      ...(field === undefined ? {} : { turnsField: field }),
      roleField: names,
      textField,
      roles,
      ...(joinField === undefined ? {} : { joinField }),
      ...(toolsField === undefined ? {} : { toolsField }),
      ...(systemField === undefined ? {} : { systemField }),
    },
  }
}

function shapeName(field: string | undefined, names: string, textField: string): string {
  if (names === 'from' && textField === 'value') return 'ShareGPT'
  if (names === 'role' && textField === 'content')
    return field === 'messages' ? 'OpenAI messages or ChatML' : 'ChatML'
  return 'a list of turns'
}

function turnsOf(value: Json | undefined): JsonObject[] {
  const list = typeof value === 'string' && /^\s*\[\s*\{/.test(value) ? parsedJson(value) : value
  return Array.isArray(list) && list.every(isJsonObject) ? list.filter(isJsonObject) : []
}

/** The field whose values are known role names, nearly always. */
function speakerField(turns: readonly JsonObject[]): string | undefined {
  const fields = new Set(turns.slice(0, 200).flatMap((turn) => Object.keys(turn)))
  const rated = [...fields].map((field) => ({
    field,
    known: turns.filter((turn) => {
      const value = turn[field]
      return typeof value === 'string' && knownRole(value) !== undefined
    }).length,
  }))
  const best = rated.toSorted((one, other) => other.known - one.known)[0]
  return best !== undefined && best.known >= turns.length * 0.7 ? best.field : undefined
}

const usualTextFields = ['content', 'value', 'text', 'utterance', 'message', 'utterance_text']

/** A field usually holding the text when it does; else the longest text. Labels and explanations can be longer. */
function longestTextField(turns: readonly JsonObject[], names: string): string | undefined {
  const usual = usualTextFields.find(
    (field) => turns.filter((turn) => field in turn).length >= turns.length * 0.9,
  )
  if (usual !== undefined) return usual
  const lengths = new Map<string, number>()
  for (const turn of turns) {
    for (const [field, value] of Object.entries(turn)) {
      if (field !== names && typeof value === 'string')
        lengths.set(field, (lengths.get(field) ?? 0) + value.length)
    }
  }
  const best = [...lengths].toSorted(([, one], [, other]) => other - one)[0]
  return best !== undefined && best[1] / turns.length >= 8 ? best[0] : undefined
}

/** A numeric field that is constant over neighbours of one speaker and changes with the speaker: MIBOT's volleys. */
function joinFieldOf(lists: readonly JsonObject[][], names: string): string | undefined {
  const fields = Object.keys(lists[0]?.[0] ?? {})
  return fields.find((field) => {
    let joins = 0
    for (const list of lists) {
      for (const [position, turn] of list.entries()) {
        const before = list[position - 1]
        if (!isNumber(turn[field])) return false
        if (before === undefined || !isSame(before[field], turn[field])) continue
        if (before[names] !== turn[names]) return false
        joins++
      }
    }
    const neighbours = lists.reduce(
      (sum, list) => sum + list.filter((turn, at) => at > 0 && list[at - 1]?.[names] === turn[names]).length,
      0,
    )
    return joins > 0 && joins >= neighbours * 0.9
  })
}
