import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { sha256 } from './canonical.ts'

/** Beside the event loop, and several at once: one takes a tenth of a millisecond, and a year of them has half a million. */
const isSignedBy = promisify(verify)

/**
 * Checkpoints of the log: C2SP tlog-checkpoint (origin, size, root) in a C2SP signed-note (Ed25519), with one extension
 * line that says when it was signed.
 */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
  readonly at: Date
}

/** Who signs; `key` as Go's `sumdb/note` writes it: `PRIVATE+KEY+<name>+<hash>+<base64 of 1 ‖ seed>`. */
export interface Signer {
  readonly name: string
  readonly keyHash: Buffer
  readonly privateKey: KeyObject
  /** The public half, `<name>+<hash>+<base64 of 1 ‖ public key>`: what a verifier needs. */
  readonly verifierKey: string
}

export interface Verifier {
  readonly name: string
  readonly keyHash: Buffer
  readonly publicKey: KeyObject
}

/** The algorithm byte of Ed25519 in keys and key hashes. */
const ed25519 = Buffer.from([1])
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const keyName = /^[^\s+]+$/

/** @param seed 32 random bytes; @param name without spaces and plus signs, also the origin of its checkpoints */
export function signerKey(name: string, seed: Buffer): string {
  const { keyHash } = signerOf(name, seed)
  const body = Buffer.concat([ed25519, seed]).toString('base64')
  return `PRIVATE+KEY+${name}+${keyHash.toString('hex')}+${body}`
}

/** Undefined when the text is no such key, or its hash is not its own. */
export function readSignerKey(text: string): Signer | undefined {
  const [, name, hash, body] = /^PRIVATE\+KEY\+([^\s+]+)\+([0-9a-f]{8})\+(\S+)\n?$/.exec(text) ?? []
  const bytes = Buffer.from(body ?? '', 'base64')
  if (name === undefined || bytes.length !== 33 || bytes[0] !== 1) return undefined
  const signer = signerOf(name, bytes.subarray(1))
  return signer.keyHash.toString('hex') === hash ? signer : undefined
}

/** Undefined when the text is no such key, or its hash is not its own. */
export function readVerifierKey(text: string): Verifier | undefined {
  const [, name, hash, body] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)\n?$/.exec(text) ?? []
  const bytes = Buffer.from(body ?? '', 'base64')
  if (name === undefined || bytes.length !== 33 || bytes[0] !== 1) return undefined
  const keyHash = keyHashOf(name, bytes)
  if (keyHash.toString('hex') !== hash) return undefined
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.subarray(1).toString('base64url') }
  return { name, keyHash, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) }
}

/** The signed note; it ends with a line feed. */
export function signCheckpoint(signer: Signer, { origin, size, root, at }: Checkpoint): string {
  return signNote(signer, `${origin}\n${size}\n${root.toString('base64')}\nat ${at.toISOString()}\n`)
}

/** @param text must end with a line feed */
export function signNote(signer: Signer, text: string): string {
  const signature = Buffer.concat([signer.keyHash, sign(null, Buffer.from(text), signer.privateKey)])
  return `${text}\n— ${signer.name} ${signature.toString('base64')}\n`
}

/** The text of a note this key has signed; undefined when it has not. Signatures of others are passed over. */
export async function openNote(verifier: Verifier, note: string): Promise<string | undefined> {
  const cut = note.lastIndexOf('\n\n')
  if (cut < 0 || !note.endsWith('\n')) return undefined
  const text = note.slice(0, cut + 1)
  for (const signature of signaturesOf(verifier, note.slice(cut + 2))) {
    if (await isSignedBy(null, Buffer.from(text), verifier.publicKey, signature)) return text
  }
  return undefined
}

/** Whether a note says that this key has signed it, rightly or not. */
export const namesKey = (verifier: Verifier, note: string): boolean => signaturesOf(verifier, note).length > 0

/** The signatures on lines that bear name and hash of the key. */
function signaturesOf({ name, keyHash }: Verifier, lines: string): Buffer[] {
  return lines.split('\n').flatMap((line) => {
    const [, signedBy, body] = /^— (\S+) (\S+)$/.exec(line) ?? []
    const bytes = Buffer.from(body ?? '', 'base64')
    return signedBy === name && bytes.subarray(0, 4).equals(keyHash) ? [bytes.subarray(4)] : []
  })
}

const body =
  /^(\S+)\n(0|[1-9][0-9]{0,15})\n([0-9A-Za-z+/]{43}=)\nat (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\n$/

/** The checkpoint in a note of this key and origin; undefined when it is not signed, or is none. */
export async function openCheckpoint(verifier: Verifier, note: string): Promise<Checkpoint | undefined> {
  const [, origin, size, root, at] = body.exec((await openNote(verifier, note)) ?? '') ?? []
  if (origin !== verifier.name || size === undefined || root === undefined || at === undefined) {
    return undefined
  }
  return { origin, size: Number(size), root: Buffer.from(root, 'base64'), at: new Date(at) }
}

function signerOf(name: string, seed: Buffer): Signer {
  if (!keyName.test(name)) throw new Error('a key name may not hold spaces and plus signs')
  const privateKey = createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  const typed = Buffer.concat([ed25519, Buffer.from(x ?? '', 'base64url')])
  const keyHash = keyHashOf(name, typed)
  const verifierKey = `${name}+${keyHash.toString('hex')}+${typed.toString('base64')}`
  return { name, keyHash, privateKey, verifierKey }
}

const keyHashOf = (name: string, typedKey: Uint8Array): Buffer =>
  sha256(Buffer.concat([Buffer.from(`${name}\n`), typedKey])).subarray(0, 4)
