import type { Caller } from '../audit/entry.ts'
import type { SourceBytes } from '../formats/source.ts'
import { newId } from '../ids.ts'
import { ok, type Result, refuse } from '../result.ts'
import { type StoredObject, type Vault, VaultError } from '../vault/vault.ts'
import { detect } from './detect.ts'
import type { Detection } from './detection.ts'
import type { Mapping } from './mapping.ts'

export interface NewFile {
  readonly id: string
  readonly datasetId: string
  readonly path: string
  readonly objectId: string
  readonly bytes: number
  readonly sha256: string
  readonly detection: Detection
}

export interface DatasetStore {
  /** Adds the dataset with its first file and audit entry in one transaction; a name in use gets a number. */
  addWithFile(
    caller: Caller,
    dataset: { readonly id: string; readonly name: string; readonly mapping: Mapping | undefined },
    file: NewFile,
  ): Promise<{ readonly name: string }>
  /** Adds a file to a dataset of the caller's; answers undefined when there is none (any more). */
  addFile(caller: Caller, file: NewFile): Promise<{ readonly name: string } | undefined>
  /** Whether the caller may add to it. */
  isOwn(caller: Caller, datasetId: string): Promise<boolean>
}

/** Recognises a file that lies in the vault. */
export type DetectFile = (object: SourceObject, fileName: string) => Promise<Result<Detection>>

interface SourceObject {
  readonly owner: string
  readonly id: string
  readonly kind: 'source'
}

export interface ReceivePorts {
  readonly vault: Vault
  readonly detect: DetectFile
  readonly datasets: DatasetStore
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
  readonly maxBytes: number
}

export interface Upload {
  /** An existing dataset to add the file to; without it a new one is made. */
  readonly datasetId?: string
  readonly name: string
  readonly fileName: string
  readonly bytes: AsyncIterable<Uint8Array>
  readonly mapping?: Mapping
  /** Whether whoever sends it still may; asked when all of it is there, which may be hours later. */
  readonly stillAllowed?: () => Promise<boolean>
}

export interface ReceivedFile {
  readonly datasetId: string
  readonly fileId: string
  readonly name: string
  readonly bytes: number
  readonly sha256: string
  readonly detection: Detection
}

/**
 * Streams a file into the vault under its dataset's own key, recognises it from what was stored, and only then makes
 * it known. Whatever goes wrong, object, key and dataset of a refused file are gone again.
 * @param upload.bytes throwing means the sender broke off: that error is thrown on, after the clean-up
 */
export async function receiveFile(
  ports: ReceivePorts,
  caller: Caller,
  upload: Upload,
  signal?: AbortSignal,
): Promise<Result<ReceivedFile>> {
  const { vault, datasets, clock, random } = ports
  const isNew = upload.datasetId === undefined
  const datasetId = upload.datasetId ?? newId('ds', clock().getTime(), random(10))
  if (!isNew && !(await datasets.isOwn(caller, datasetId))) {
    return gone
  }
  const fileId = newId('file', clock().getTime(), random(10))
  const object = { owner: datasetId, id: fileId, kind: 'source' } as const
  if (isNew) await vault.createKey(datasetId)
  let isKept = false
  /** What another did to the dataset while the file came, where the vault no longer takes or has the file. */
  const overtakenBy = async (error: unknown): Promise<Result<never>> => {
    const isOfVault = error instanceof VaultError && error.failure !== 'sealed'
    if (isNew || !isOfVault) throw error
    return (await datasets.isOwn(caller, datasetId)) ? overtaken : gone
  }
  try {
    const limit = new ByteLimit(ports.maxBytes)
    let stored: StoredObject
    try {
      stored = await vault.write(object, limit.pass(upload.bytes), signal)
    } catch (error) {
      if (limit.isExceeded) return tooLarge(ports.maxBytes)
      return await overtakenBy(error)
    }
    const path = fileNameOf(upload.fileName)
    const found = await ports.detect(object, path).catch(async (error: unknown) => {
      // Read in another process, an error of the vault is only a sentence.
      if (isNew || (await datasets.isOwn(caller, datasetId))) return overtakenBy(error)
      return gone
    })
    if (!found.ok) return found
    const detection = upload.mapping === undefined ? found.value : asMapped(found.value, upload.mapping)
    if (upload.stillAllowed !== undefined && !(await upload.stillAllowed())) {
      return refuse(
        'forbidden',
        'While the file came you were signed out, or may not upload any more. Nothing of it was kept. Sign in, and upload it again.',
      )
    }
    const file = { id: fileId, datasetId, path, objectId: fileId, ...stored, detection }
    const added = isNew
      ? await datasets.addWithFile(
          caller,
          { id: datasetId, name: nameOf(upload.name), mapping: upload.mapping },
          file,
        )
      : await datasets.addFile(caller, file)
    if (added === undefined) return (await datasets.isOwn(caller, datasetId)) ? overtaken : gone
    isKept = true
    const { bytes, sha256 } = stored
    return ok({ datasetId, fileId, name: added.name, bytes, sha256, detection })
  } finally {
    if (!isKept) {
      if (isNew) await vault.destroyKey(datasetId)
      else await vault.remove(object)
    }
  }
}

const gone = refuse('not-found', 'The dataset this file belongs to is gone. Start again with all its files.')
const overtaken = refuse(
  'conflict',
  'Records of someone are being removed from this dataset, or were while the file came. Nothing of the file was kept: upload it again when that is done.',
)

/** Reads the stored file where it is called: for a process that may die over it, and for files we wrote ourselves. */
export const detectStored =
  (vault: Pick<Vault, 'open'>): DetectFile =>
  async (object, fileName) => {
    const source: SourceBytes & { close(): Promise<void> } = await vault.open(object)
    return detect(source, fileName).finally(() => source.close())
  }

const asMapped = (detection: Detection, mapping: Mapping): Detection => ({
  ...detection,
  mapping,
  shapeName: 'as the given mapping says',
  confidence: 1,
})

class ByteLimit {
  isExceeded = false
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  async *pass(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let seen = 0
    for await (const chunk of bytes) {
      seen += chunk.length
      if (seen > this.#most) {
        this.isExceeded = true
        throw new Error('the upload is larger than the limit')
      }
      yield chunk
    }
  }
}

const tooLarge = (most: number): Result<never> =>
  refuse(
    'too-large',
    `The file is larger than ${(most / 1024 ** 3).toFixed(most < 1024 ** 3 ? 3 : 0)} GiB, the most one file may be. Split it and upload the parts as one dataset.`,
  )

/** So many characters of a name are kept. */
export const mostNameCharacters = 120

/**
 * Only for showing: one line as it was typed, without what hides or turns the direction of writing. Joiners stay (U+200C,
 * U+200D): words of Persian and many emoji are spelled with them.
 */
export const nameOf = (text: string): string =>
  [
    ...text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must go
      .replace(/[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/g, '')
      .trim(),
  ]
    .slice(0, mostNameCharacters)
    .join('') || 'unnamed'

/** The same of the last part of a path. */
export const fileNameOf = (path: string): string => nameOf(path.split(/[/\\]/).at(-1) ?? '')
