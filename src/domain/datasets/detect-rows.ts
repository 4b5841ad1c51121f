import type { Role } from '../conversations/conversation.ts'
import type { Evidence } from '../formats/source.ts'
import { isSame, type JsonObject } from '../json.ts'
import { knownRole } from './role-names.ts'
import { isText, percent, type Shape, share } from './shape.ts'

/** One row an utterance: a speaker column of known role names, a text column, and a key that holds rows together. */
export function detectRows(records: readonly JsonObject[]): Shape | undefined {
  const columns = Object.keys(records[0] ?? {})
  const roleField = columns.find(
    (column) =>
      share(records, column, (value) => typeof value === 'string' && knownRole(value) !== undefined) > 0.9,
  )
  if (roleField === undefined || records.length < 2) return undefined
  const textField = textColumn(records, columns, roleField)
  const keyField = keyColumn(records, columns, roleField, textField)
  if (textField === undefined || keyField === undefined) return undefined

  const groups = Map.groupBy(records, (record) => String(record[keyField]))
  const orderField = orderColumn([...groups.values()], columns, [keyField, roleField, textField])
  const roles: Record<string, Role> = {}
  const counts = new Map<string, number>()
  for (const record of records) {
    const value = record[roleField]
    const role = typeof value === 'string' ? knownRole(value) : undefined
    if (typeof value !== 'string' || role === undefined) continue
    const name = value.trim().toLowerCase()
    roles[name] = role
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const changes = records.filter(
    (record, at) => at > 0 && !isSame(records[at - 1]?.[keyField], record[keyField]),
  ).length
  const isContiguous = changes === groups.size - 1
  const filled = share(records, textField, isText)
  const sureOfKey = isContiguous ? 0.99 : 0.85
  const evidence: Evidence[] = [
    {
      question: 'shape',
      answer: 'one row an utterance',
      because: `${roleField} names a speaker in each of ${records.length.toLocaleString('en')} sampled rows`,
      sure: 0.99,
    },
    {
      question: 'dialogue',
      answer: keyField,
      because: `${groups.size} groups in the sample; the key changes ${changes} times${isContiguous ? ' and never returns' : ' and returns'}`,
      sure: sureOfKey,
    },
    orderField === undefined
      ? {
          question: 'order',
          answer: 'as in the file',
          because: 'no column grows within every group',
          sure: 0.9,
        }
      : {
          question: 'order',
          answer: orderField,
          because: `grows within ${groups.size} of ${groups.size} groups`,
          sure: 0.99,
        },
    {
      question: 'speaker',
      answer: roleField,
      because: [...counts].map(([name, count]) => `${name} ${count.toLocaleString('en')}`).join(', '),
      sure: 0.99,
    },
    {
      question: 'text',
      answer: textField,
      because: `filled in ${percent(filled)} of the rows, the longest text`,
      sure: Math.max(0.9, filled),
    },
    {
      question: 'roles',
      answer: Object.entries(roles)
        .map(([name, role]) => `${name} is ${role}`)
        .join(', '),
      because: 'known names of roles',
      sure: 0.98,
    },
  ]
  return {
    name: 'one row an utterance',
    sure: evidence.reduce((product, line) => product * line.sure, 1),
    evidence,
    mapping: {
      shape: 'rows',
      keyField,
      ...(orderField === undefined ? {} : { orderField }),
      roleField,
      textField,
      roles,
    },
  }
}

function textColumn(
  records: readonly JsonObject[],
  columns: readonly string[],
  roleField: string,
): string | undefined {
  const rated = columns
    .filter((column) => column !== roleField)
    .map((column) => {
      const texts = records.map((record) => record[column]).filter((value) => typeof value === 'string')
      const distinct = new Set(texts).size / Math.max(1, records.length)
      const length = texts.reduce((sum, text) => sum + text.length, 0) / Math.max(1, records.length)
      const named = /text|utterance|content|message|transcript$/i.test(column) ? 3 : 1
      return { column, score: distinct > 0.3 ? length * distinct * named : 0 }
    })
  const best = rated.toSorted((one, other) => other.score - one.score)[0]
  return best !== undefined && best.score >= 8 ? best.column : undefined
}

/** Values repeat, change far less often than the rows, and both speakers meet under one value. */
function keyColumn(
  records: readonly JsonObject[],
  columns: readonly string[],
  roleField: string,
  textField: string | undefined,
): string | undefined {
  const rated = columns
    .filter((column) => column !== roleField && column !== textField)
    .map((column) => {
      const groups = Map.groupBy(records, (record) => String(record[column] ?? ''))
      const mixed = [...groups.values()].filter(
        (group) => new Set(group.map((record) => record[roleField])).size > 1,
      ).length
      const changes = records.filter(
        (record, at) => at > 0 && !isSame(records[at - 1]?.[column], record[column]),
      ).length
      const named = /(^|_|\b)(id|key|session|transcript|dialogue?|conversation|thread|chat)(_|\b|$)/i.test(
        column,
      )
      const fits =
        groups.size < records.length * 0.6 &&
        mixed >= groups.size * 0.6 &&
        share(records, column, (value) => value !== null && value !== '') > 0.95 &&
        (groups.size > 1 || named)
      // Of several columns constant within a session (id, title, topic) the one that tells the most sessions apart.
      return {
        column,
        fits,
        score: groups.size * (named ? 3 : 1) - Math.max(0, changes - groups.size + 1) * 2,
      }
    })
    .filter((candidate) => candidate.fits)
  return rated.toSorted((one, other) => other.score - one.score)[0]?.column
}

/** A numeric column that grows from row to row within every group. */
function orderColumn(
  groups: readonly (readonly JsonObject[])[],
  columns: readonly string[],
  taken: readonly string[],
): string | undefined {
  return columns.find(
    (column) =>
      !taken.includes(column) &&
      groups.every((group) => {
        const numbers = group.map((record) => String(record[column] ?? ''))
        const areNumbers = numbers.every((text) => text !== '' && Number.isFinite(Number(text)))
        return areNumbers && new Set(numbers).size === numbers.length
      }),
  )
}
