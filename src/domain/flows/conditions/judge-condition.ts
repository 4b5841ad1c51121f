import type { Condition, Operand, Operator, Path, Placeholder } from './condition.ts'
import { compareDecimals, durationAsDecimal, parseDecimal } from './decimal.ts'
import { matchesGlob, withoutSlashes } from './glob.ts'

/** What was measured: texts and numbers, or for BODY the text of the answer. Absent: not measured. */
export type Measured = Readonly<Partial<Record<Placeholder, unknown>>>

export interface ConditionVerdict {
  readonly outcome: 'pass' | 'fail' | 'unknown'
  /** The condition; where it did not pass, with the values that were found. */
  readonly display: string
  readonly reason?: 'no_data' | 'bad_value'
}

type Found =
  | { readonly known: true; readonly text: string }
  | { readonly known: false; readonly reason: 'no_data' | 'bad_value' }

/** Judges a condition; what is missing, null or no number in a comparison is unknown, never a pass. */
export function judgeCondition(condition: Condition, measured: Measured): ConditionVerdict {
  const { left, operator, right } = condition
  const a = resolve(left, measured)
  const b = resolve(right, measured)
  const display = `${shown(left, a)} ${operator} ${shown(right, b)}`
  if (!a.known) return { outcome: 'unknown', display, reason: a.reason }
  if (!b.known) return { outcome: 'unknown', display, reason: b.reason }
  const holds = compare(left, a.text, operator, right, b.text)
  if (holds === undefined) return { outcome: 'unknown', display, reason: 'bad_value' }
  return holds ? { outcome: 'pass', display: condition.text } : { outcome: 'fail', display }
}

function compare(
  left: Operand,
  a: string,
  operator: Operator,
  right: Operand,
  b: string,
): boolean | undefined {
  if (operator === '==') return equals(left, a, right, b)
  if (operator === '!=') return !equals(left, a, right, b)
  const x = numeric(a)
  const y = numeric(b)
  if (x === undefined || y === undefined) return undefined
  const order = compareDecimals(x, y)
  if (operator === '<') return order < 0
  if (operator === '<=') return order <= 0
  return operator === '>' ? order > 0 : order >= 0
}

function equals(left: Operand, a: string, right: Operand, b: string): boolean {
  if (right.kind === 'pattern') return matchesGlob(right.glob, withoutSlashes(a))
  if (left.kind === 'pattern') return matchesGlob(left.glob, withoutSlashes(b))
  if (right.kind === 'any') return right.options.some((option) => sameValue(a, option))
  if (left.kind === 'any') return left.options.some((option) => sameValue(option, b))
  return sameValue(a, b)
}

function sameValue(a: string, b: string): boolean {
  if (a === b) return true
  // A leading zero makes it a code, such as a telephone number, not an amount.
  if (/^[+-]?0\d/.test(a) || /^[+-]?0\d/.test(b)) return false
  const x = numeric(a)
  const y = numeric(b)
  return x !== undefined && y !== undefined && compareDecimals(x, y) === 0
}

const numeric = (text: string) => parseDecimal(text) ?? durationAsDecimal(text)

function resolve(operand: Operand, measured: Measured): Found {
  if (operand.kind !== 'value') return { known: true, text: operand.text }
  const root = measured[operand.name]
  const found = root === undefined ? missing : walk(operand, root)
  if (operand.function === 'has' && found.kind !== 'bad_value') {
    return { known: true, text: String(found.kind === 'found') }
  }
  if (found.kind !== 'found') return { known: false, reason: found.kind }
  if (operand.function === 'len') return { known: true, text: String(lengthOf(found.value)) }
  return { known: true, text: textOf(found.value) }
}

type Walked =
  | { readonly kind: 'found'; readonly value: unknown }
  | { readonly kind: 'no_data' }
  | { readonly kind: 'bad_value' }
const missing: Walked = { kind: 'no_data' }

function walk(operand: Operand & { kind: 'value' }, root: unknown): Walked {
  if (operand.name !== 'BODY') return follow(operand.path, root)
  const body = String(root).trim()
  // Only a path or a length looks into the body; without them it is text.
  if (operand.path.length === 0 && !(operand.function === 'len' && /^\[[\s\S]*\]$/.test(body))) {
    return body === '' && operand.function === 'has' ? missing : { kind: 'found', value: body }
  }
  // What an empty answer has not, a whole one may have: “has(…) == false” must not hold.
  if (body === '') return operand.function === 'has' ? { kind: 'bad_value' } : missing
  const parsed = parseKeepingDigits(body)
  return parsed === undefined ? { kind: 'bad_value' } : follow(operand.path, parsed.value)
}

function follow(path: Path, root: unknown): Walked {
  let value = root
  for (const step of path) {
    if (typeof step === 'number') {
      value = Array.isArray(value) && step >= 0 ? value[step] : undefined
    } else {
      value =
        typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, step)
          ? Object.entries(value).find(([key]) => key === step)?.[1]
          : undefined
    }
    if (value === undefined || value === null) return missing
  }
  return value === undefined || value === null ? missing : { kind: 'found', value }
}

/** A number of JSON with the digits it was written with. */
class WrittenNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  toJSON(): number {
    return Number(this.text)
  }
}

/** Above 2^53 a double would lose digits, so the text of each number is kept. */
function parseKeepingDigits(text: string): { readonly value: unknown } | undefined {
  const keep = (_key: string, value: unknown, ...context: readonly { source?: string }[]) => {
    const source = context[0]?.source
    return typeof value === 'number' && source !== undefined ? new WrittenNumber(source) : value
  }
  try {
    return { value: JSON.parse(text, keep) }
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string {
  if (value instanceof WrittenNumber) return value.text
  if (typeof value === 'string') return value
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const lengthOf = (value: unknown): number => (Array.isArray(value) ? value.length : [...textOf(value)].length)

function shown(operand: Operand, found: Found): string {
  const name = operand.written ?? operand.text
  if (operand.kind !== 'value') return name
  if (!found.known) return `${name} (INVALID)`
  const text = found.text.length > 25 ? `${found.text.slice(0, 25)}...(truncated)` : found.text
  return `${name} (${text})`
}
