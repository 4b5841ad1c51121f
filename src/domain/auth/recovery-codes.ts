import { createHash } from 'node:crypto'
import { base32 } from './totp.ts'

const count = 10
/** 120 bits each: beyond 112 a plain hash cannot be searched (ASVS 5.0, 6.5.2). */
const bytesEach = 15
/** How many letters that makes, and how many those had that were made before. */
const lengths = [24, 16]

/** Bytes of chance that a set of codes is made of. */
export const recoveryCodeBytes = count * bytesEach

/** A set of codes, each good once, in groups of four letters. */
export const recoveryCodes = (random: Uint8Array): string[] =>
  Array.from({ length: count }, (_, at) =>
    base32(random.subarray(at * bytesEach, (at + 1) * bytesEach))
      .toLowerCase()
      .replaceAll(/(.{4})(?=.)/g, '$1-'),
  )

/** Whether what was typed is a recovery code rather than six digits. */
export const looksLikeRecoveryCode = (typed: string): boolean => lengths.includes(plain(typed).length)

/** What is stored of a code, and looked for, however it was typed. */
export const hashOfRecoveryCode = (typed: string): string =>
  createHash('sha256').update(plain(typed)).digest('hex')

const plain = (typed: string): string => typed.toLowerCase().replaceAll(/[^a-z2-7]/g, '')
