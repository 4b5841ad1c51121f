import { ok, type Result, refuse } from '../result.ts'
import { commonPasswords } from './common-passwords.ts'
import { leastPasswordLength } from './second-factor.ts'

const passwordLength = { min: leastPasswordLength(false), max: 128 } as const

/**
 * Length and commonness only, no composition rules (ASVS 5.0 section 6.2). People lengthen the common ones by repeating,
 * numbering and decorating them, so those are undone before looking.
 */
export function checkPassword(
  password: string,
  about: { readonly name: string; readonly email: string; readonly hasSecondFactor?: boolean },
): Result<string> {
  const least = leastPasswordLength(about.hasSecondFactor === true)
  const length = [...password].length
  if (length < least) {
    return refuse(
      'invalid',
      `The password needs at least ${least} characters; four unrelated words are fine.`,
      'password',
    )
  }
  if (length > passwordLength.max) {
    return refuse('invalid', `The password may have at most ${passwordLength.max} characters.`, 'password')
  }
  if (isCommon(password, about)) {
    return refuse(
      'invalid',
      'This password is among the first that would be tried. Choose unrelated words.',
      'password',
    )
  }
  return ok(password)
}

/** Words that make up nearly every password on the published lists. */
const words = [
  ...[
    'password',
    'passwort',
    'passw0rd',
    'passphrase',
    'pass',
    'letmein',
    'welcome',
    'admin',
    'administrator',
  ],
  ...[
    'login',
    'signin',
    'secret',
    'changeme',
    'default',
    'guest',
    'root',
    'user',
    'test',
    'testing',
    'master',
  ],
  ...[
    'qwerty',
    'qwertyuiop',
    'asdfghjkl',
    'zxcvbnm',
    'qwertz',
    'azerty',
    'qazwsx',
    'qazwsxedc',
    '1q2w3e4r',
    '1qaz2wsx',
  ],
  ...[
    'abc',
    'abcdef',
    'abcdefghijklmnopqrstuvwxyz',
    'iloveyou',
    'monkey',
    'dragon',
    'football',
    'baseball',
    'sunshine',
  ],
  ...[
    'princess',
    'superman',
    'batman',
    'trustno1',
    'shadow',
    'michael',
    'summer',
    'winter',
    'spring',
    'autumn',
  ],
  ...[
    'correcthorsebatterystaple',
    'correct',
    'horse',
    'battery',
    'staple',
    'thequickbrownfox',
    'hello',
    'world',
  ],
  ...[
    'this',
    'is',
    'my',
    'the',
    'a',
    'not',
    'for',
    'me',
    'please',
    'let',
    'in',
    'very',
    'long',
    'super',
    'new',
    'signalbox',
  ],
]

const decorations: Readonly<Record<string, string>> = {
  '@': 'a',
  '4': 'a',
  '3': 'e',
  '1': 'i',
  '!': 'i',
  '0': 'o',
  $: 's',
  '5': 's',
}

function isCommon(password: string, { name, email }: { name: string; email: string }): boolean {
  const lower = password.normalize('NFKC').toLowerCase()
  // `computer` and `Computer2024!` alike: what is added at the end is guessed along.
  if (commonPasswords.has(lower) || commonPasswords.has(lower.replace(/[^\p{L}]+$/u, ''))) return true
  const personal = [...name.toLowerCase().split(/\s+/), ...email.toLowerCase().split(/[@.]/)].filter(
    (p) => p.length > 2,
  )
  const known = [...words, ...personal].map(plain).sort((a, b) => b.length - a.length)
  const plainDigits = [...lower].filter((c) => /[\p{L}\p{N}]/u.test(c)).join('')
  return [plainDigits, plain(lower)].some(
    (text) => new Set(text).size < 5 || isRun(text) || rest(text, known) < 5,
  )
}

/** Decorated letters made plain again, everything but letters and digits dropped. */
const plain = (text: string): string =>
  [...text.toLowerCase()]
    .map((c) => decorations[c] ?? c)
    .filter((c) => /[\p{L}\p{N}]/u.test(c))
    .join('')

/** Mostly counting up or down: 123456789012345, abcdefghijklmno. */
function isRun(text: string): boolean {
  let steps = 0
  for (let i = 1; i < text.length; i++) {
    const step = text.charCodeAt(i) - text.charCodeAt(i - 1)
    if (Math.abs(step) === 1 || step === 0 || step === -9) steps++
  }
  return steps >= (text.length - 1) * 0.75
}

/** How many characters stay when every common word, digit and repetition is taken away. */
function rest(text: string, known: readonly string[]): number {
  let left = text
  for (const word of known) left = left.replaceAll(word, ' ')
  const letters = [...left].filter((c) => /\p{L}/u.test(c))
  return new Set(letters).size
}
