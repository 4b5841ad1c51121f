import { knownRole } from '../datasets/role-names.ts'

/** So many words make a sentence rather than a name. */
const sentence = 4

/**
 * Whether the first row of a table is one of its records: somebody's words, while names of columns are kept outside the
 * vault. It is when it holds the name of a speaker that speaks below as well, or sentences over sentences and nothing
 * beside them that could only be a name.
 */
export function isRecord(first: readonly string[], rows: readonly (readonly string[])[]): boolean {
  const columns = first.flatMap((text, at) => {
    const cell = text.trim()
    const below = rows.map((row) => row[at]?.trim() ?? '').filter((value) => value !== '')
    return cell === '' || below.length === 0 ? [] : [{ cell, below }]
  })
  const speaks = columns.some(({ cell, below }) => knownRole(cell) !== undefined && below.includes(cell))
  return speaks || (columns.some(isSentence) && columns.every(isLikeThoseBelow))
}

interface Column {
  readonly cell: string
  readonly below: readonly string[]
}

const isLikeThoseBelow = (column: Column): boolean =>
  column.below.includes(column.cell) || isSentence(column) || isNumbered(column)

const wordsOf = (text: string): number => text.split(/\s+/).length

const isMost = ({ below }: Column, holds: (value: string) => boolean): boolean =>
  below.filter(holds).length > below.length / 2

const isSentence = (column: Column): boolean =>
  wordsOf(column.cell) >= sentence && isMost(column, (value) => wordsOf(value) >= sentence)

/** Numbers, dates and ids: of one build, and with digits in it. */
function isNumbered(column: Column): boolean {
  const build = buildOf(column.cell)
  return build.includes('9') && isMost(column, (value) => buildOf(value) === build)
}

const buildOf = (text: string): string => text.replace(/\d+/g, '9').replace(/\p{L}+/gu, 'a')
