import { createReadStream, existsSync } from 'node:fs'
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readSignerKey, type Signer, signerKey } from '../domain/audit/checkpoint.ts'
import { createDurably, syncFolder } from './durable-file.ts'

/** Where checkpoints are kept: beside the database, never in it. */
export interface CheckpointPlace {
  readonly keysFolder: string
  /** Holds `checkpoints`, which only grows, and `verifier-key`. */
  readonly auditFolder: string
}

export interface KeptNote {
  /** Line of the file it begins on, from 1. */
  readonly line: number
  readonly note: string
}

export const checkpointFile = ({ auditFolder }: CheckpointPlace) => join(auditFolder, 'checkpoints')
export const verifierKeyFile = ({ auditFolder }: CheckpointPlace) => join(auditFolder, 'verifier-key')
const signerKeyFile = ({ keysFolder }: CheckpointPlace) => join(keysFolder, 'audit-checkpoint.key')

/**
 * The signing key; made once, when there is neither key nor checkpoint.
 * @throws Error when it is lost or damaged: another key would make all checkpoints so far worthless
 */
export async function openSigner(place: CheckpointPlace, random: (bytes: number) => Buffer): Promise<Signer> {
  await mkdir(place.keysFolder, { recursive: true, mode: 0o700 })
  await mkdir(place.auditFolder, { recursive: true, mode: 0o700 })
  const path = signerKeyFile(place)
  if ((await readText(path)) === undefined) {
    if ((await readText(verifierKeyFile(place))) !== undefined) {
      throw new Error(`The audit signing key ${path} is missing. Put it back from the backup of the keys.`)
    }
    const name = `signalbox/audit/${random(8).toString('hex')}`
    await createDurably(path, Buffer.from(`${signerKey(name, random(32))}\n`))
  }
  const signer = await readSigner(place)
  if (signer === undefined) throw new Error(`The audit signing key ${path} is damaged.`)
  await createDurably(verifierKeyFile(place), Buffer.from(`${signer.verifierKey}\n`))
  return signer
}

/** The signing key as it is; undefined when there is none that can be read. */
export async function readSigner(place: CheckpointPlace): Promise<Signer | undefined> {
  const text = await readText(signerKeyFile(place))
  return text === undefined ? undefined : readSignerKey(text)
}

/** Text of a file; undefined when it is missing. */
export async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

/** Adds one note and the empty line that ends it; returns when it is on disk. */
export async function appendCheckpoint(place: CheckpointPlace, note: string): Promise<void> {
  const file = await open(checkpointFile(place), 'a+', 0o600)
  try {
    const { size } = await file.stat()
    await cutTornEnd(file, size)
    await file.writeFile(`${note}\n`)
    await file.sync()
    if (size === 0) await syncFolder(place.auditFolder)
  } finally {
    await file.close()
  }
}

/** Every complete note of the file, in order; none when it is missing. What a crash left half-written is passed over. */
export async function* readCheckpoints(path: string): AsyncGenerator<KeptNote> {
  if (!existsSync(path)) return
  const lines: string[] = []
  let line = 0
  for await (const text of linesOf(path)) {
    line++
    if (text !== '' || !lines.at(-1)?.startsWith(signatureMark)) {
      lines.push(text)
      continue
    }
    yield { line: line - lines.length, note: `${lines.join('\n')}\n` }
    lines.length = 0
  }
}

/** Lines that a line feed ends, and nothing else: readline would take a carriage return for one, which was never signed. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

/** The last complete note; undefined when there is none. */
export async function readLastCheckpoint(place: CheckpointPlace): Promise<string | undefined> {
  const file = await open(checkpointFile(place), 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return undefined
  try {
    const { text } = await readEnd(file, (await file.stat()).size)
    const end = lastEnd(text)
    const before = lastEnd(text.slice(0, end - 1))
    return end === 0 ? undefined : Buffer.from(text.slice(before, end - 1), 'latin1').toString('utf8')
  } finally {
    await file.close()
  }
}

const signatureMark = '— '
/** Longer than two notes. */
const window = 8192

async function readEnd(file: FileHandle, size: number): Promise<{ text: string; from: number }> {
  const from = Math.max(0, size - window)
  const bytes = Buffer.alloc(size - from)
  await file.read(bytes, 0, bytes.length, from)
  // One character a byte, so that places in it are places in the file.
  return { text: bytes.toString('latin1'), from }
}

/** Where the last complete note ends, after its empty line; 0 when there is none. */
function lastEnd(text: string): number {
  const mark = Buffer.from(`\n${signatureMark}`).toString('latin1')
  const signature = text.lastIndexOf(mark)
  if (signature < 0) return 0
  const end = text.indexOf('\n\n', signature + mark.length)
  return end < 0 ? lastEnd(text.slice(0, signature)) : end + 2
}

/** A crash amid an append leaves half a note, which nobody was told of. */
async function cutTornEnd(file: FileHandle, size: number): Promise<void> {
  const { text, from } = await readEnd(file, size)
  const end = lastEnd(text)
  if (end === text.length) return
  if (end === 0 && from > 0) throw new Error('the end of the checkpoint file is not made of checkpoints')
  await file.truncate(from + end)
}
