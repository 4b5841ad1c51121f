import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import { personName } from './person-name.ts'
import { type ScopeName, scopeNames } from './scopes.ts'

const mark = 'sbx_'
const secretLength = 43
const checksumLength = 6
const pattern = /^sbx_[0-9A-Za-z]{49}$/

/** The longest a key lives, and how long when nobody says. */
export const longestKeyDays = 366
export const usualKeyDays = 90

/** Keys of one person that are not revoked and not expired. */
export const mostKeysEach = 50

/** What someone says of a new key. */
export const NewApiKey = z.object({
  name: personName('Give the key a name, for example that of the program that will use it.'),
  scopes: z.array(z.enum(scopeNames, 'Choose scopes of the list.')).min(1, 'Choose at least one scope.'),
  days: z.coerce
    .number('Say for how many days.')
    .int('Give whole days.')
    .min(1, 'A key lives a day at least.')
    .max(longestKeyDays, `A key lives ${longestKeyDays} days at most.`),
})
export type NewApiKey = z.infer<typeof NewApiKey>

/** A key as lists show it: never the key. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly scopes: readonly ScopeName[]
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly lastUsedAt: Date | null
  readonly revokedAt: Date | null
}

/** Whether a key still opens anything. */
export const keyState = (
  { revokedAt, expiresAt }: Pick<ApiKey, 'revokedAt' | 'expiresAt'>,
  now: Date,
): 'active' | 'expired' | 'revoked' =>
  revokedAt !== null ? 'revoked' : expiresAt <= now ? 'expired' : 'active'

/**
 * A new key: the mark that scanners of leaks look for, 256 bits of chance, and a checksum that finds a mistyped one
 * out without asking the database. Letters and digits only, so that a double click selects it.
 * @param random 32 random bytes
 */
export function makeApiKey(random: Uint8Array): string {
  const secret = mark + base62(BigInt(`0x${Buffer.from(random).toString('hex')}`), secretLength)
  return secret + checksum(secret)
}

/** Whether it begins like a key of ours, right or wrong. */
export const isCalledApiKey = (text: string): boolean => text.startsWith(mark)

/** Whether it is written like a key, to the checksum. */
export const isWellFormedApiKey = (text: string): boolean =>
  pattern.test(text) && checksum(text.slice(0, -checksumLength)) === text.slice(-checksumLength)

/** All that is kept of a key. Chance of 256 bits needs no slow hash: nobody guesses what it is the hash of. */
export const hashOfApiKey = (key: string): string => createHash('sha256').update(key).digest('hex')

/** The beginning by which its owner recognises it: too little to guess the rest. */
export const prefixOfApiKey = (key: string): string => key.slice(0, mark.length + 6)

const checksum = (secret: string): string => base62(BigInt(crc32(secret)), checksumLength)

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function base62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; rest > 0n; rest /= 62n) text = digits.charAt(Number(rest % 62n)) + text
  return text.padStart(length, '0')
}
