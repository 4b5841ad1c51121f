import { nearestName } from '../configuration/nearest-name.ts'
import { durationAsDecimal, parseDecimal } from './decimal.ts'
import { parseGlob, withoutSlashes } from './glob.ts'

/** In the order in which Gatus looks for them. */
const operators = ['==', '!=', '<=', '>=', '>', '<'] as const
export type Operator = (typeof operators)[number]

/** What a condition may ask for, by the kind of check. */
export const httpPlaceholders = [
  'STATUS',
  'IP',
  'DNS_RCODE',
  'RESPONSE_TIME',
  'BODY',
  'CONNECTED',
  'CERTIFICATE_EXPIRATION',
  'DOMAIN_EXPIRATION',
  'CONTEXT',
] as const
export const rowPlaceholders = ['ROW', 'ROWS', 'RESPONSE_TIME'] as const
export type Placeholder = (typeof httpPlaceholders)[number] | (typeof rowPlaceholders)[number]

/** These carry a value to walk into with a path. */
const structured: readonly string[] = ['BODY', 'CONTEXT', 'ROW', 'ROWS']

export type Operand = {
  readonly text: string
  /** What is shown of it, where variables brought the text: that may be a secret. */
  readonly written?: string
} & (
  | {
      readonly kind: 'value'
      readonly name: Placeholder
      readonly path: Path
      readonly function?: 'len' | 'has'
    }
  | { readonly kind: 'literal' }
  | { readonly kind: 'pattern'; readonly glob: NonNullable<ReturnType<typeof parseGlob>> }
  | { readonly kind: 'any'; readonly options: readonly string[] }
)
/** Keys and indices; a negative index never resolves. */
export type Path = readonly (string | number)[]

export interface Condition {
  /** As the file says it, before variables were filled in. */
  readonly text: string
  readonly left: Operand
  readonly operator: Operator
  readonly right: Operand
}

export type ParsedCondition =
  | { readonly ok: true; readonly condition: Condition }
  | { readonly ok: false; readonly message: string; readonly suggestion?: string }

const wrong = (message: string, suggestion?: string): ParsedCondition =>
  suggestion === undefined ? { ok: false, message } : { ok: false, message, suggestion }

/**
 * Reads a condition in the syntax of Gatus, in the strict profile: what could never be judged is refused here.
 * @param placeholders what the kind of check can answer
 */
export function parseCondition(
  text: string,
  placeholders: readonly Placeholder[] = httpPlaceholders,
): ParsedCondition {
  if (text.length > 1000) return wrong('A condition has at most 1,000 characters.')
  const found = operators.find((operator) => text.includes(` ${operator} `))
  if (found === undefined) {
    return wrong('A condition needs an operator with a space on each side, such as [STATUS] == 200.')
  }
  const parts = text.split(` ${found} `).map((part) => part.trim())
  const [leftText = '', rightText = '', ...more] = parts
  if (more.length > 0 || [leftText, rightText].some((part) => hasOperator(part))) {
    return wrong('A condition has one operator. Write two conditions instead.')
  }
  if (leftText === '' || rightText === '') return wrong('A condition needs something on both sides.')
  const left = parseOperand(leftText, placeholders)
  const right = parseOperand(rightText, placeholders)
  if ('message' in left) return { ok: false, ...left }
  if ('message' in right) return { ok: false, ...right }
  const reason = wrongSide(left, found, right) ?? wrongSide(right, found, left)
  if (reason !== undefined) return wrong(reason)
  const condition = { text, left, operator: found, right }
  if (isConstant(condition)) {
    const near = forgottenBrackets([leftText, rightText], placeholders)
    if (near !== undefined) return wrong('A placeholder stands in brackets, such as [BODY].key.', `[${near}]`)
  }
  return { ok: true, condition }
}

/** Neither side is measured: the answer is always the same. Gatus takes that, so it is no mistake. */
export const isConstant = ({ left, right }: Pick<Condition, 'left' | 'right'>): boolean =>
  left.kind !== 'value' && right.kind !== 'value'

/** The placeholder whose brackets were forgotten or misplaced: `STATUS != 500` would hold for ever. */
function forgottenBrackets(sides: readonly string[], placeholders: readonly Placeholder[]) {
  for (const side of sides) {
    const name = /^(?:(?:len|has)\()?([[\s]*)([A-Za-z_]+)(?![A-Za-z_(])/.exec(side)
    const known = placeholders.find((each) => each === name?.[2]?.toUpperCase())
    if (known !== undefined) return known
  }
  return undefined
}

/** Why this side can never be compared with the other one. */
function wrongSide(side: Operand, operator: Operator, other: Operand): string | undefined {
  const ordered = operator !== '==' && operator !== '!='
  if (ordered && (side.kind === 'pattern' || side.kind === 'any')) {
    return `pat() and any() compare with == and != only, not with ${operator}.`
  }
  if (side.kind !== 'literal' && side.kind !== 'any') return undefined
  const texts = side.kind === 'any' ? side.options : [side.text]
  for (const text of texts) {
    // What is never so is not so for ever: “[STATUS] != OK” would always hold.
    if (isTruth(other) && text !== 'true' && text !== 'false') {
      return `${other.text} is true or false, never ${text}.`
    }
    const reason = ordered || isNumber(other) ? notANumber(text) : undefined
    if (reason !== undefined) return reason
  }
  return undefined
}

const numbers: readonly string[] = ['STATUS', 'RESPONSE_TIME', 'CERTIFICATE_EXPIRATION', 'DOMAIN_EXPIRATION']
const isNumber = (operand: Operand) =>
  operand.kind === 'value' &&
  (operand.function === 'len' || (operand.function === undefined && numbers.includes(operand.name)))
const isTruth = (operand: Operand) =>
  operand.kind === 'value' &&
  (operand.function === 'has' || (operand.function === undefined && operand.name === 'CONNECTED'))

const hasOperator = (part: string) =>
  !/^(?:pat|any)\(/.test(part) && operators.some((operator) => part.includes(` ${operator} `))

function notANumber(text: string): string | undefined {
  if (/^[+-]?0\d/.test(text)) return `${text} has a leading zero, which some read as octal. Write it without.`
  if (parseDecimal(text) !== undefined || durationAsDecimal(text) !== undefined) return undefined
  return `${text} is neither a number nor a duration (units: ns, us, ms, s, m, h, d, w).`
}

type Refused = { readonly message: string; readonly suggestion?: string }

function parseOperand(text: string, placeholders: readonly Placeholder[]): Operand | Refused {
  const call = /^(pat|any|len|has)\(([\s\S]*)\)$/.exec(text)
  const [, name, inner = ''] = call ?? []
  if (name === 'pat') {
    const glob = parseGlob(withoutSlashes(inner))
    return glob === undefined
      ? { message: `The pattern ${text} is malformed: a [ needs its ], a \\ something behind it.` }
      : { kind: 'pattern', glob, text }
  }
  if (name === 'any') {
    const options = inner.split(',').map((option) => option.trim())
    if (options.some((option) => option === '')) return { message: `${text} has an empty choice.` }
    // They would be compared as they are written, and so never be found.
    const wrongOption = options.find((option) => /^(?:\[[A-Za-z_]+\]|(?:pat|any|len|has)\()/.test(option))
    return wrongOption === undefined
      ? { kind: 'any', options, text }
      : { message: `any() takes plain values, not ${wrongOption}.` }
  }
  const asked = call === null ? text : inner.trim()
  const match = /^\[([A-Za-z_]+)\]([\s\S]*)$/.exec(asked)
  if (match === null) {
    if (call === null && /^(?:pat|any|len|has)\s*[([]/.test(text)) {
      return { message: `${text} is no function. Write its ( at once behind the name, and its ) at the end.` }
    }
    if (call !== null) return { message: `${name}() needs a placeholder such as ${name}([BODY].items).` }
    return /^[A-Za-z]+\(.*\)$/.test(text) && !/^(?:pat|any|len|has)\(/.test(text)
      ? { message: `There is no function ${text.slice(0, text.indexOf('('))}().`, ...suggest(text) }
      : { kind: 'literal', text }
  }
  const [, written = '', tail = ''] = match
  const placeholder = placeholders.find((each) => each === written.toUpperCase())
  if (placeholder === undefined) {
    const near = nearestName(written, placeholders)
    const message = `This check has no placeholder [${written}]. It has ${placeholders.map((each) => `[${each}]`).join(', ')}.`
    return near === undefined ? { message } : { message, suggestion: `[${near}]` }
  }
  const path = parsePath(tail)
  if (path === undefined) return { message: `The path ${tail} is malformed. Write .key and [0].` }
  if (path.length > 0 && !structured.includes(placeholder)) {
    return { message: `[${placeholder}] has no parts, so ${tail} cannot follow.` }
  }
  const value = { kind: 'value', name: placeholder, path, text } as const
  return name === 'len' || name === 'has' ? { ...value, function: name } : value
}

function suggest(text: string): { suggestion: string } | Record<never, never> {
  const near = nearestName(text.slice(0, text.indexOf('(')), ['pat', 'any', 'len', 'has'])
  return near === undefined ? {} : { suggestion: `${near}()` }
}

/** `.data[0].name`; undefined when malformed. */
export function parsePath(tail: string): Path | undefined {
  const steps: (string | number)[] = []
  let rest = tail
  while (rest !== '') {
    const match = /^(?:\.([^.[\]]+)|\[(-?\d{1,9})\])/.exec(rest)
    if (match === null) return undefined
    steps.push(match[1] ?? Number(match[2]))
    rest = rest.slice(match[0].length)
  }
  return steps
}
