import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sign, verify } from 'hono/jwt'
import {
  type AccessTokens,
  claimsOf,
  formerTokenOf,
  type TokenPlace,
  tokenOf,
} from '../domain/auth/access-token.ts'
import { createDurably, isCode } from './durable-file.ts'

/** The one algorithm: a token that names another, or `none`, is refused before its signature is looked at. */
const algorithm = 'HS256'
const secretBytes = 32

/** Tokens signed with a secret that only this portal has. */
export async function accessTokens(secret: Uint8Array, place: TokenPlace): Promise<AccessTokens> {
  const key = await crypto.subtle.importKey(
    'raw',
    Uint8Array.from(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign', 'verify'],
  )
  // By our clock, not by the library's; and its errors quote the token, so that none may be kept.
  const claimsIn = (text: string) =>
    verify(text, key, { alg: algorithm, exp: false, nbf: false, iat: false }).catch(() => undefined)
  return {
    sign: (token) => sign({ ...claimsOf(token, place) }, key, algorithm),
    async read(text, now) {
      const claims = await claimsIn(text)
      return claims === undefined ? undefined : tokenOf(claims, place, now)
    },
    async readFormer(text) {
      const claims = await claimsIn(text)
      return claims === undefined ? undefined : formerTokenOf(claims, place)
    },
  }
}

/** The signing secret cannot be used as it is; the message says what to do. */
export class UnusableTokenSecret extends Error {}

/**
 * The signing secret: made once, and shared by all processes over the folder. Lost, the next start makes another, and
 * the tokens of the last day are void.
 * @throws UnusableTokenSecret when the file is damaged, or others can read it
 */
export async function openTokenSecret(
  keysFolder: string,
  random: (bytes: number) => Buffer,
): Promise<Buffer> {
  await mkdir(keysFolder, { recursive: true, mode: 0o700 })
  const path = join(keysFolder, 'api-token.key')
  const secret = (await readIfThere(path)) ?? (await create(path, random(secretBytes)))
  if (secret.length !== secretBytes) {
    throw new UnusableTokenSecret(
      `The token signing key ${path} is damaged. Delete it: the next start makes another.`,
    )
  }
  return secret
}

/** Of two processes that make it at once one wins, and both use that one. */
async function create(path: string, secret: Buffer): Promise<Buffer> {
  await createDurably(path, secret)
  return readFile(path)
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (!isCode(error, 'ENOENT')) throw error
    return undefined
  })
  if (file === undefined) return undefined
  try {
    const { mode } = await file.stat()
    if ((mode & 0o077) !== 0) {
      throw new UnusableTokenSecret(
        `Others can read the token signing key ${path}. Take that from them (chmod 600), or delete it.`,
      )
    }
    return await file.readFile()
  } finally {
    await file.close()
  }
}
