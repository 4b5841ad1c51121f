import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, link, mkdir, open, readdir, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { SourceBytes } from '../domain/formats/source.ts'
import {
  encryptFloe,
  Floe,
  headerLength,
  hkdfExpand,
  plainSegmentLength,
  segmentLayout,
  vaultParameters,
} from '../domain/vault/floe.ts'
import { closingRow, closingRowLength, partAad, readClosingRow } from '../domain/vault/object-format.ts'
import { type ObjectName, type StoredObject, VaultError, type VaultInventory } from '../domain/vault/vault.ts'
import { KeyFolder, syncFolder } from './key-folder.ts'

export interface VaultFolders {
  readonly keysFolder: string
  readonly objectsFolder: string
}

const canary: ObjectName = { owner: 'vault', id: 'canary', kind: 'canary' }
const temporarySuffix = '.writing'

/**
 * Opens the vault in two folders; makes both on first use. Several processes and threads may have it open.
 * @throws VaultError `sealed` with a missing or wrong master key: then nothing was written
 */
export async function openLocalVault(folders: VaultFolders): Promise<VaultInventory> {
  const { objectsFolder } = folders
  await mkdir(objectsFolder, { recursive: true, mode: 0o700 })
  const keys = await KeyFolder.open(folders.keysFolder, async () => (await readdir(objectsFolder)).length > 0)
  const vault = new LocalVault(folders, keys)
  if (await vault.has(canary)) {
    await vault.readBytes(canary).catch((error: unknown) => {
      if (error instanceof VaultError && error.failure === 'sealed') throw error
      throw new VaultError(
        'sealed',
        `The vault is sealed: its test object in ${objectsFolder} does not open with the keys in ${folders.keysFolder}. Put the right folders together and start again.`,
      )
    })
  } else {
    await keys.create(canary.owner)
    await vault.writeBytes(canary, Buffer.from('signalbox')).catch((error: NodeJS.ErrnoException) => {
      // Another process was first.
      if (error.code !== 'EEXIST') throw error
    })
  }
  return vault
}

class LocalVault implements VaultInventory {
  readonly #folder: string
  readonly #ownersFolder: string
  readonly #keys: KeyFolder

  constructor({ keysFolder, objectsFolder }: VaultFolders, keys: KeyFolder) {
    this.#folder = objectsFolder
    this.#ownersFolder = join(keysFolder, 'owners')
    this.#keys = keys
  }

  createKey(owner: string): Promise<void> {
    return this.#keys.create(checkedOwner(owner))
  }

  async destroyKey(owner: string): Promise<void> {
    await this.#keys.destroy(checkedOwner(owner))
    await rm(join(this.#folder, owner), { recursive: true, force: true })
  }

  async deriveKey(owner: string, purpose: string): Promise<Uint8Array> {
    return hkdfExpand(await this.#keys.read(owner), Buffer.from(`DERIVED:${purpose}`), 32)
  }

  async write(
    name: ObjectName,
    plaintext: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<StoredObject> {
    const key = await this.#keys.read(name.owner)
    const path = this.#path(name)
    const temporary = `${path}.${randomBytes(6).toString('hex')}${temporarySuffix}`
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const floe = Floe.create(vaultParameters, key, partAad(name, 0), randomBytes(vaultParameters.ivLength))
    const hash = createHash('sha256')
    let bytes = 0
    let length = 0
    const file = await open(temporary, 'wx', 0o600)
    try {
      let writing: Promise<unknown> = Promise.resolve()
      for await (const segment of encryptFloe(floe, plaintext, randomBytes, (plain) => {
        hash.update(plain)
        bytes += plain.length
      })) {
        signal?.throwIfAborted()
        // One segment is written while the next is filled and sealed.
        await writing
        writing = writeAll(file, segment)
        writing.catch(() => {})
        for (const piece of segment) length += piece.length
      }
      await writing
      signal?.throwIfAborted()
      await writeAll(file, [closingRow(key, name, [length])])
      await file.sync()
      await file.close()
      await link(temporary, path)
    } finally {
      await file.close().catch(() => {})
      await unlink(temporary)
    }
    await syncFolder(dirname(path))
    return { bytes, sha256: hash.digest('hex') }
  }

  writeBytes(name: ObjectName, plaintext: Uint8Array): Promise<StoredObject> {
    return this.write(name, once(plaintext))
  }

  async open(name: ObjectName): Promise<SourceBytes & { close(): Promise<void> }> {
    const key = await this.#keys.read(name.owner)
    const file = await open(this.#path(name), 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw new VaultError('missing', 'A stored object is missing.')
      throw error
    })
    try {
      const { size } = await file.stat()
      const tail = await readExactly(file, Math.max(0, size - closingRowLength(64)), size)
      const lengths = readClosingRow(key, name, tail, size)
      const [length] = lengths
      if (length === undefined || lengths.length !== 1) {
        throw new VaultError('damaged', 'A stored object has parts this version does not know.')
      }
      const header = await readExactly(file, 0, headerLength(vaultParameters))
      const floe = Floe.open(vaultParameters, key, partAad(name, 0), header)
      return new OpenObject(file, floe, length)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async readBytes(name: ObjectName): Promise<Uint8Array> {
    const object = await this.open(name)
    try {
      return await object.slice(0, object.size)
    } finally {
      await object.close()
    }
  }

  async remove(name: ObjectName): Promise<void> {
    const path = this.#path(name)
    await rm(path, { force: true })
  }

  async *list(owner: string): AsyncGenerator<{ id: string; storedBytes: number; storedAt: Date }> {
    const folder = join(this.#folder, checkedOwner(owner))
    for await (const path of filesBelow(folder)) {
      const id = relative(folder, path)
      // Neither half-written ones nor what somebody else put there.
      if (path.endsWith(temporarySuffix) || !objectId.test(id)) continue
      const found = await statIfThere(path)
      if (found) yield { id, storedBytes: found.size, storedAt: found.mtime }
    }
  }

  async *owners(): AsyncGenerator<{ id: string; hasKey: boolean; objects: number; writtenAt: Date }> {
    const keyFiles = await readdir(this.#ownersFolder)
    const withKey = keyFiles.flatMap((file) =>
      file.endsWith('.json') ? [file.slice(0, -'.json'.length)] : [],
    )
    for (const id of new Set([...withKey, ...(await readdir(this.#folder))])) {
      if (id === canary.owner || !ownerId.test(id)) continue
      const key = await statIfThere(join(this.#ownersFolder, `${id}.json`))
      let writtenAt = key?.mtime
      let objects = 0
      for await (const path of filesBelow(join(this.#folder, id))) {
        const found = await statIfThere(path)
        if (!found) continue
        if (!path.endsWith(temporarySuffix)) objects++
        if (writtenAt === undefined || found.mtime > writtenAt) writtenAt = found.mtime
      }
      if (writtenAt !== undefined) yield { id, hasKey: key !== undefined, objects, writtenAt }
    }
  }

  async sweepTemporary(writtenBefore?: Date, step?: () => Promise<void>): Promise<number> {
    let swept = 0
    for await (const path of this.#temporary(writtenBefore, step)) {
      await rm(path, { force: true })
      swept++
    }
    return swept
  }

  async countTemporary(writtenBefore: Date): Promise<number> {
    let found = 0
    for await (const _ of this.#temporary(writtenBefore)) found++
    return found
  }

  async *#temporary(writtenBefore: Date | undefined, step?: () => Promise<void>): AsyncGenerator<string> {
    for await (const path of filesBelow(this.#folder)) {
      await step?.()
      if (!path.endsWith(temporarySuffix)) continue
      const found = await statIfThere(path)
      if (found && (writtenBefore === undefined || found.mtime < writtenBefore)) yield path
    }
  }

  async has(name: ObjectName): Promise<boolean> {
    return stat(this.#path(name)).then(
      () => true,
      () => false,
    )
  }

  #path({ owner, id }: ObjectName): string {
    if (!objectId.test(id)) throw new Error('not an object id')
    return join(this.#folder, checkedOwner(owner), id)
  }
}

class OpenObject implements SourceBytes {
  readonly size: number
  readonly #file: FileHandle
  readonly #floe: Floe
  readonly #layout: ReturnType<typeof segmentLayout>
  #last: { readonly position: number; readonly plain: Buffer } | undefined

  constructor(file: FileHandle, floe: Floe, length: number) {
    this.#file = file
    this.#floe = floe
    this.#layout = segmentLayout(vaultParameters, length)
    this.size = this.#layout.plainLength
  }

  async slice(start: number, end: number): Promise<Uint8Array> {
    const to = Math.min(end, this.size)
    if (start >= to) return new Uint8Array()
    const plain = plainSegmentLength(vaultParameters)
    const out = Buffer.allocUnsafe(to - start)
    for (let at = start; at < to; ) {
      const position = Math.floor(at / plain)
      const segment = await this.#segment(position)
      const part = segment.subarray(at - position * plain, to - position * plain)
      out.set(part, at - start)
      at += part.length
    }
    return out
  }

  async *stream(start: number): AsyncGenerator<Uint8Array> {
    const plain = plainSegmentLength(vaultParameters)
    const { segments } = this.#layout
    const first = Math.floor(start / plain)
    let offset = start - first * plain
    // Two buffers in turn: the disk fills one while the consumer works on what came out of the other.
    const buffers = [0, 1].map(() => Buffer.allocUnsafe(segmentsPerRead * vaultParameters.segmentLength))
    const read = async (position: number): Promise<Buffer> => {
      const [from] = this.#range(position)
      const [, to] = this.#range(Math.min(position + segmentsPerRead, segments) - 1)
      const buffer = buffers[((position - first) / segmentsPerRead) % 2] ?? Buffer.alloc(0)
      return readExactly(this.#file, from, to, buffer)
    }
    let next = first < segments ? read(first) : undefined
    for (let position = first; next !== undefined; position += segmentsPerRead) {
      const sealed = await next
      const following = position + segmentsPerRead
      next = following < segments ? read(following) : undefined
      next?.catch(() => {})
      for (let at = 0; at < sealed.length; at += vaultParameters.segmentLength) {
        const index = position + at / vaultParameters.segmentLength
        const segment = sealed.subarray(at, at + vaultParameters.segmentLength)
        const bytes = this.#floe.unseal(index, segment, index === segments - 1)
        if (offset < bytes.length) yield bytes.subarray(offset)
        offset = 0
      }
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  async #segment(position: number): Promise<Buffer> {
    if (this.#last?.position !== position) this.#last = { position, plain: await this.#decrypt(position) }
    return this.#last.plain
  }

  async #decrypt(position: number): Promise<Buffer> {
    const [from, to] = this.#range(position)
    const sealed = await readExactly(this.#file, from, to)
    return this.#floe.unseal(position, sealed, position === this.#layout.segments - 1)
  }

  /** Where a sealed segment lies in the file. */
  #range(position: number): [start: number, end: number] {
    const { segments, lastLength } = this.#layout
    const from = headerLength(vaultParameters) + position * vaultParameters.segmentLength
    return [from, from + (position === segments - 1 ? lastLength : vaultParameters.segmentLength)]
  }
}

/** Read at once when streaming: each read crosses to another thread and back. */
const segmentsPerRead = 4

/** A full disk may take a part of a write before it refuses the rest. */
async function writeAll(file: FileHandle, pieces: readonly Buffer[]): Promise<void> {
  const expected = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const { bytesWritten } = await file.writev(pieces)
  if (bytesWritten === expected) return
  const rest = Buffer.concat(pieces).subarray(bytesWritten)
  for (let written = 0; written < rest.length; ) {
    written += (await file.write(rest, written)).bytesWritten
  }
}

async function readExactly(
  file: FileHandle,
  start: number,
  end: number,
  into: Buffer = Buffer.allocUnsafe(end - start),
): Promise<Buffer> {
  const bytes = into.subarray(0, end - start)
  for (let filled = 0; filled < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled)
    if (bytesRead === 0) throw new VaultError('damaged', 'A stored object is damaged: it is cut.')
    filled += bytesRead
  }
  return bytes
}

const objectId = /^[\w-]+(?:[./][\w-]+)*$/
const ownerId = /^[\w-]+$/

const checkedOwner = (owner: string): string => {
  if (!ownerId.test(owner)) throw new Error('not an owner id')
  return owner
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const statIfThere = (path: string) =>
  stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return undefined
  })

/** A folder at a time: the list of a whole vault would hold up whatever else the process does. */
async function* filesBelow(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path)
    else if (entry.isFile()) yield path
  }
}
