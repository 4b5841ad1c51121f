import { isIPv6 } from 'node:net'
import type { Redaction } from '../../pipeline/run.ts'
import type { Check, Finding, Rule } from '../check.ts'

/** Where personal data stands in a text, [start, end) in UTF-16 units; never overlapping, in order. */
export interface PersonalData {
  readonly kind: Redaction
  readonly start: number
  readonly end: number
}

const redactable = 'Choose to redact it in the run, or remove it from the source.'

const rules = {
  email: {
    id: 'privacy/email',
    version: 1,
    severity: 'major',
    effect: 100,
    title: 'E-mail address',
    explanation: `Identifies a person, and a model may repeat it. ${redactable}`,
  },
  phone: {
    id: 'privacy/phone',
    version: 1,
    severity: 'major',
    effect: 100,
    title: 'Phone number',
    explanation: `Identifies a person, and a model may repeat it. Crisis and toll-free lines are left alone. ${redactable}`,
  },
  ssn: {
    id: 'privacy/ssn',
    version: 1,
    severity: 'critical',
    effect: 250,
    title: 'US social security number',
    explanation: `Enough to steal an identity. ${redactable}`,
  },
  card: {
    id: 'privacy/card',
    version: 1,
    severity: 'critical',
    effect: 250,
    title: 'Payment card number',
    explanation: `A number with a valid check digit of a known card network. ${redactable}`,
  },
  ip: {
    id: 'privacy/ip',
    version: 1,
    severity: 'minor',
    effect: 50,
    title: 'IP address',
    explanation: `May lead to a person or a machine. ${redactable}`,
  },
} satisfies Record<Redaction, Rule>

export const privacy: Check = {
  name: 'privacy',
  title: 'Privacy',
  version: 1,
  rules: Object.values(rules),
  cap: 400,
  inspect: ({ messages }) =>
    messages.flatMap(({ content, name, toolCalls }, index) => [
      ...findPersonalData(content).map(({ kind, start, end }) => finding(kind, index, [start, end])),
      // Outside the content there is no span to point at.
      ...[name ?? '', ...(toolCalls ?? []).map((call) => call.arguments)].flatMap((text) =>
        findPersonalData(text).map(({ kind }) => finding(kind, index, null)),
      ),
    ]),
}

function finding(kind: Redaction, message: number, span: Finding['span']): Finding {
  const { id, version, severity, effect } = rules[kind]
  return { rule: id, version, severity, message, span, effect }
}

/** Every quantifier is bounded or starts behind a boundary, so the time stays linear in the text. */
export function findPersonalData(text: string): PersonalData[] {
  const found: PersonalData[] = []
  if (!/[\d@:]/.test(text)) return found
  // The surer kinds first: a card is not also a phone number.
  for (const [kind, find] of finders) {
    const taken = [...found].sort((a, b) => a.start - b.start)
    let next = 0
    for (const { start, end } of find(text)) {
      while (next < taken.length && (taken[next]?.end ?? 0) <= start) next++
      const other = taken[next]
      if (other === undefined || other.start >= end) found.push({ kind, start, end })
    }
  }
  return found.sort((a, b) => a.start - b.start)
}

interface Span {
  readonly start: number
  readonly end: number
}

const spanOf = (match: RegExpExecArray, text = match[0]): Span => ({
  start: match.index,
  end: match.index + text.length,
})

const digitsOf = (text: string): string => text.replace(/\D/g, '')

/** The words just before a number; they decide where the shape alone does not. */
const before = (match: RegExpExecArray): string =>
  match.input.slice(Math.max(0, match.index - 28), match.index)

function* emails(text: string): Generator<Span> {
  if (!text.includes('@')) return
  const pattern =
    /(?<![\p{L}\p{N}._%+'-])[\p{L}\p{N}_%+'-][\p{L}\p{N}._%+'-]{0,63}@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61})\.){1,6}(\p{L}{2,24})(?![\p{L}\p{N}])/gu
  for (const match of text.matchAll(pattern)) {
    if (/^(?:png|jpe?g|gif|svg|webp)$/i.test(match[1] ?? '')) continue // icon@2x.png
    if (match[0].startsWith('git@')) continue
    const quote = match[0].startsWith("'") ? 1 : 0
    yield { start: match.index + quote, end: match.index + match[0].length }
  }
}

function* cards(text: string): Generator<Span> {
  const pattern =
    /(?<![\p{L}\p{N}.]|\d-)(?:\d{13,19}|\d{4}([ \u00a0-])\d{4}\1\d{4}\1\d{4}|\d{4}([ \u00a0-])\d{6}\2\d{4,5})(?![\p{L}\p{N}])/gu
  for (const match of text.matchAll(pattern)) if (isCard(digitsOf(match[0]))) yield spanOf(match)
}

const networks: readonly (readonly [prefix: RegExp, lengths: readonly number[]])[] = [
  [/^4/, [13, 16, 19]],
  [/^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720|220[0-4])/, [16]],
  [/^3[47]/, [15]],
  [/^(?:6011|64[4-9]|65|62|35(?:2[89]|[3-8]))/, [16, 17, 18, 19]],
  [/^3(?:0[0-5]|[689])/, [14, 16]],
  [/^(?:5018|5020|5038|5893|6304|6759|676[1-3])/, [13, 14, 15, 16, 17, 18, 19]],
]

const isCard = (digits: string): boolean =>
  networks.some(([prefix, lengths]) => lengths.includes(digits.length) && prefix.test(digits)) &&
  !/^(\d)\1+$/.test(digits) &&
  passesLuhn(digits)

function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index])
    const doubled = index % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

const ssnWords = /\b(?:ssn|social security(?: number| no\.?)?|social)\b[^\d]{0,14}$/i

function* ssns(text: string): Generator<Span> {
  const pattern =
    /(?<![\p{L}\p{N}]|[\d.][-.])(?!000|666|9)\d{3}([- \u2010\u2011]?)(?!00)\d{2}\1(?!0000)\d{4}(?![\p{L}\p{N}]|-\d)/gu
  for (const match of text.matchAll(pattern)) {
    const dashed = match[1] !== '' && match[1] !== ' '
    if (dashed || ssnWords.test(before(match))) yield spanOf(match)
  }
}

const versionWords =
  /(?:\b(?:version|release|build|firmware|section|chapter|clause|ver|rev|v)\b\.?[ :]{0,2})$/i

function* addresses(text: string): Generator<Span> {
  const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
  const pattern = new RegExp(
    `(?<![\\p{L}\\p{N}_.]|\\d-)${octet}(?:\\.${octet}){3}(?![\\p{L}\\p{N}_]|\\.\\d)`,
    'gu',
  )
  for (const match of text.matchAll(pattern)) {
    // Loopback, unspecified and netmasks are nobody's address.
    if (/^(?:127\.|0\.|255\.)/.test(match[0]) || versionWords.test(before(match))) continue
    yield spanOf(match)
  }
  for (const match of text.matchAll(/(?<![\p{L}\p{N}_:.])[\dA-Fa-f:]{3,40}(?![\p{L}\p{N}_])/gu)) {
    const address = match[0].replace(/(?<!:):$/, '')
    if (looksLikeIPv6(address)) yield spanOf(match, address)
  }
}

const looksLikeIPv6 = (text: string): boolean =>
  isIPv6(text) &&
  /^(?:[23][\da-f]{3}|f[cde][\da-f]{2}|64):/i.test(text) && // global, private and link-local ranges
  /\d/.test(text)

const gap = '[ .\\-\\u00a0\\u2010-\\u2013]'
const notInside = '(?<![\\p{L}\\p{N}_+#$€£¥]|[\\p{L}\\p{N}][-./:=,]|[$€£¥] )'
const notGoingOn = '(?![\\p{L}\\p{N}_%€£]|[-.,:/]\\d)'
const phone = (shape: string) => new RegExp(`${notInside}${shape}${notGoingOn}`, 'gu')

const phoneShapes: readonly (readonly [RegExp, (match: RegExpExecArray, digits: string) => boolean])[] = [
  // +49 (0)30 1234567
  [
    phone(`\\+\\(?\\d{1,15}(?:[ .\\-/()\\u00a0\\u2010-\\u2013]{1,3}\\d{1,12}){0,7}`),
    (_, digits) => digits.length >= 8 && digits.length <= 16,
  ],
  // (212) 555-0147, 1-212-555-0147, 212.555.0147
  [
    phone(`(?:1${gap})?(?:\\([2-9]\\d{2}\\)${gap}?|[2-9]\\d{2}[.\\-\\u2010-\\u2013])\\d{3}${gap}\\d{4}`),
    () => true,
  ],
  // 212 555 0147
  [phone('(?:1 )?[2-9]\\d{2}[ \\u00a0][2-9]\\d{2}[ \\u00a0-]\\d{4}'), () => true],
  // With a trunk zero: 020 7946 0958, 06 12 34 56 78, 0171/1234567
  [
    phone(`\\(?0[1-9]\\d{0,4}\\)?(?:[ .\\-/\\u00a0]{1,2}\\d{2,8}){1,5}(?![ .-]\\d)`),
    ({ 0: text }, digits) =>
      digits.length >= 9 &&
      digits.length <= 12 &&
      !/^\d{1,2}([./-])\d{1,2}\1\d{4}(?!\d)/.test(text) &&
      (text.split(/\D+/).filter(Boolean).every(isPair) ? digits.length === 10 : true),
  ],
  // 98765 43210
  [phone('[6-9]\\d{4}[ -]\\d{5}(?![ -]\\d)'), () => true],
  // Digits that only their context makes a phone number: "call me at 5550147"
  [
    phone(`\\d{2,15}(?:${gap}\\d{2,8}){0,4}`),
    (match, digits) => digits.length >= 7 && digits.length <= 13 && phoneWords.test(before(match)),
  ],
]

const isPair = (digits: string): boolean => digits.length === 2

const phoneWords =
  /(?:\b(?:tele)?phone\b|\btel\b|\bmobile\b|\bcell(?:phone)?\b|\bwhatsapp\b|\bfax\b|\b(?:call|text|ring|reach|dial|phone) (?:me|us|him|her|them)?)[^\d\n]{0,14}$/i

/** Lines for anyone to call: emergency, crisis, information and toll-free numbers. */
const publicLines: readonly RegExp[] = [
  /^1?8(?:00|88|77|66|55|44|33)\d{7}$/,
  /^(?:00)?(?:44|49|64|33|39|34|41|43)?0?80[058]\d{3,8}$/,
  /^(?:00)?(?:61|64)?1[38]00?\d{4,6}$/,
  /^(?:00)?(?:61)?13\d{4}$/,
  /^(?:\d{2})?116\d{3}$/,
  /^(?:988|911|112|999|741741)+$/,
]

function* phones(text: string): Generator<Span> {
  const spans: Span[] = []
  for (const [pattern, isPhone] of phoneShapes) {
    for (const match of text.matchAll(pattern)) {
      const digits = digitsOf(match[0])
      if (!isPhone(match, digits) || /^(\d)\1+$/.test(digits)) continue
      if (/^(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ]\d{1,2}$/.test(match[0])) continue
      spans.push({ ...spanOf(match), ...(publicLines.some((line) => line.test(digits)) && { open: true }) })
    }
  }
  spans.sort((a, b) => a.start - b.start || b.end - a.end)
  let last = 0
  for (const span of spans) {
    if (span.start < last) continue
    last = span.end
    if (!('open' in span)) yield span
  }
}

const finders: readonly (readonly [Redaction, (text: string) => Iterable<Span>])[] = [
  ['email', emails],
  ['card', cards],
  ['ssn', ssns],
  ['ip', addresses],
  ['phone', phones],
]
