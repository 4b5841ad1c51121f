import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32, createGunzip } from 'node:zlib'
import { openPromise } from 'yauzl'
import { type CheckResult, couldNotTell } from '../../domain/flows/checks/check-result.ts'
import type { CheckRunner } from '../../domain/flows/checks/check-runner.ts'
import type { FileFact } from '../../domain/flows/checks/files.ts'
import { checkTypes } from '../../domain/flows/checks/registry.ts'
import { Settled } from './deadline.ts'
import { lookAt, onlyFiles, present, withFiles } from './files.ts'
import { codeOf, fileProblem } from './problems.ts'
import type { RunnerSettings } from './runner-settings.ts'
import type { Uninterruptible } from './uninterruptible.ts'

/** An archive that unpacks to more is not read to its end: it may have been made to keep us busy. */
const mostUnpacked = 16 * 2 ** 30
const sumsFile = '.sha256'

interface Examined {
  readonly path: string
  readonly signal: AbortSignal
  readonly magic: string | undefined
}
/** @returns what is wrong with the file; undefined: nothing */
type Method = (examined: Examined) => Promise<string | undefined>

const methods: Readonly<Record<'zip_test' | 'gzip_test' | 'sha256_sidecar' | 'magic', Method>> = {
  zip_test: testZip,
  gzip_test: testGzip,
  sha256_sidecar: compareSum,
  magic: compareMagic,
}

/** Reads files to see whether they are whole; as streams, so that nothing else waits for it. */
export function fileIntegrityRunner(
  { baseFolder }: RunnerSettings,
  looks: Uninterruptible,
): CheckRunner<'file_integrity'> {
  return {
    run: (parameters, context) =>
      withFiles(looks, parameters, context, async (filled) => {
        const { signal } = context
        const finding = { baseFolder, maxEntries: filled.max_entries, signal }
        const found = onlyFiles(present(await lookAt(filled, true, finding)))
        if (found.truncated) {
          return couldNotTell(
            'no_data',
            'The walk ended at max_entries, so newer files may have been missed.',
          )
        }
        const files = found.files
          .filter((file) => parameters.method !== 'sha256_sidecar' || !file.path.endsWith(sumsFile))
          .toSorted((a, b) => b.modifiedAt - a.modifiedAt)
          .slice(0, parameters.sample?.newest)
        const damaged: { path: string; problem: string }[] = []
        let examined = 0
        let notTold: CheckResult | undefined
        for (const file of files) {
          const path = resolve(baseFolder, file.path)
          try {
            const problem = await methods[parameters.method]({ path, signal, magic: parameters.magic })
            // A file that grew meanwhile is still being written: what was read says nothing.
            if (problem !== undefined && !(await isUnchanged(path, file))) continue
            examined++
            if (problem !== undefined) damaged.push({ path: file.path, problem })
          } catch (error) {
            signal.throwIfAborted()
            // Moved on since: that is what files of a flow do.
            if (codeOf(error) === 'ENOENT') continue
            const problem = error instanceof Settled ? error.result : fileProblem(error, file.path)
            if (problem === undefined) throw error
            notTold ??= problem
          }
        }
        // What is known to be damaged is told before what could not be told.
        if (damaged.length === 0 && notTold !== undefined) return notTold
        return checkTypes.file_integrity.judge(parameters, { examined, damaged }, context)
      }),
  }
}

async function testZip({ path, signal }: Examined): Promise<string | undefined> {
  const archive = await openPromise(path, { autoClose: false }).catch(damageOf)
  if (typeof archive === 'string') return archive
  try {
    let unpacked = 0
    for await (const entry of archive.eachEntry()) {
      signal.throwIfAborted()
      unpacked += entry.uncompressedSize
      if (unpacked > mostUnpacked) throw tooLarge(path)
      if (!entry.canDecodeFileData()) {
        throw new Settled(
          couldNotTell('bad_value', `${path} holds entries that are encrypted or packed in an unknown way.`),
        )
      }
      const sum = await sumOf(await archive.openReadStreamPromise(entry), signal)
      if (sum !== entry.crc32) return 'the checksum of an entry does not match'
    }
    return undefined
  } catch (error) {
    return damageOf(error)
  } finally {
    archive.close()
  }
}

async function sumOf(stream: Readable, signal: AbortSignal): Promise<number> {
  let sum = 0
  await pipeline(
    stream,
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) sum = crc32(chunk, sum)
    },
    { signal },
  )
  return sum
}

async function testGzip({ path, signal }: Examined): Promise<string | undefined> {
  let unpacked = 0
  let read = 0
  const source = createReadStream(path)
  source.on('data', (chunk) => {
    read += chunk.length
  })
  try {
    await pipeline(
      source,
      createGunzip(),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          unpacked += chunk.length
          if (unpacked > mostUnpacked) throw tooLarge(path)
        }
      },
      { signal },
    )
  } catch (error) {
    return damageOf(error)
  }
  // Of nothing at all gunzip makes nothing at all, without a word.
  return read === 0 ? 'it is empty' : undefined
}

async function compareSum({ path, signal }: Examined): Promise<string | undefined> {
  const sums = await firstBytes(`${path}${sumsFile}`, 4096).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error
    throw new Settled(couldNotTell('no_data', `${path} has no ${sumsFile} beside it.`))
  })
  const expected = /^\\?([0-9a-f]{64})(?:\s|$)/i.exec(sums.toString('utf8').trimStart())?.[1]
  if (expected === undefined) return `its ${sumsFile} holds no SHA-256 sum`
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash, { signal })
  return hash.digest('hex') === expected.toLowerCase() ? undefined : 'its SHA-256 sum is another one'
}

async function compareMagic({ path, magic = '' }: Examined): Promise<string | undefined> {
  const first = (await firstBytes(path, magic.length / 2)).toString('hex')
  return first === magic.toLowerCase() ? undefined : `it begins with ${first === '' ? 'nothing' : first}`
}

async function firstBytes(path: string, length: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** The sentence of what unpacking found wrong; errors of the system, and ours, go on. */
function damageOf(error: unknown): string {
  const code = codeOf(error)
  if (!(error instanceof Error) || error instanceof Settled || error.name === 'AbortError') throw error
  // zlib has codes of its own; of yauzl only the message speaks. A disk that cannot read it is damage as well.
  if (code === undefined || code.startsWith('Z_') || code === 'EIO') return error.message.slice(0, 200)
  throw error
}

const tooLarge = (path: string) =>
  new Settled(
    couldNotTell(
      'limit',
      `${path} unpacks to more than ${mostUnpacked / 2 ** 30} GiB, and is not read to its end.`,
    ),
  )

async function isUnchanged(path: string, { size, modifiedAt }: FileFact): Promise<boolean> {
  const now = await stat(path)
  return now.size === size && Math.floor(now.mtimeMs) === modifiedAt
}
