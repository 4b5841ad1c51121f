import { createHash } from 'node:crypto'
import { readdirSync, readlinkSync } from 'node:fs'
import { appendFile, mkdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runOne } from '../../support/flows/run-one.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const folder = await temporaryFolder('check-integrity')
const { run, verdict } = runOne({ baseFolder: folder })
const put = async (path: string, bytes: Uint8Array | string) => {
  await mkdir(join(folder, path, '..'), { recursive: true })
  await writeFile(join(folder, path), bytes)
}
const text = Buffer.from('the same line again and again\n'.repeat(5_000))

/** An archive of one entry; `sum` and `size` are what it says of itself. */
function zipOf(data: Buffer, { sum = crc32(data), size = data.length, method = 8 } = {}): Buffer {
  const packed = deflateRawSync(data)
  const name = Buffer.from('a.rdf')
  const common = Buffer.alloc(26)
  common.writeUInt16LE(20, 0)
  common.writeUInt16LE(method, 4)
  common.writeUInt32LE(sum, 10)
  common.writeUInt32LE(packed.length, 14)
  common.writeUInt32LE(size, 18)
  common.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([Buffer.from('504b0304', 'hex'), common, name, packed])
  const central = Buffer.concat([Buffer.from('504b01021400', 'hex'), common, Buffer.alloc(14), name])
  const end = Buffer.alloc(22)
  end.write('504b0506', 'hex')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(local.length, 16)
  return Buffer.concat([local, central, end])
}

beforeAll(async () => {
  const zip = zipOf(text)
  await put('good/a.zip', zip)
  await put('cut/a.zip', zip.subarray(0, zip.length - 30))
  await put('sum/a.zip', zipOf(text, { sum: 1 }))
  await put('size/a.zip', zipOf(text, { size: 10 }))
  await put('bomb/a.zip', zipOf(text, { size: 2 ** 32 - 2 }))
  await put('method/a.zip', zipOf(text, { method: 99 }))
  await put('none/a.zip', 'not an archive')
  const gzip = gzipSync(text)
  const broken = Buffer.from(gzip)
  broken[broken.length - 6] = (broken[broken.length - 6] ?? 0) ^ 0xff
  await put('good/a.gz', gzip)
  await put('cut/a.gz', gzip.subarray(0, gzip.length - 100))
  await put('sum/a.gz', broken)
  await put('empty/a.gz', '')
  const sum = createHash('sha256').update(text).digest('hex')
  await put('good/a.dat', text)
  await put('good/a.dat.sha256', `${sum}  a.dat\n`)
  await put('wrong/a.dat', 'other')
  await put('wrong/a.dat.sha256', `${sum}  a.dat\n`)
  await put('alone/a.dat', 'other')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('file_integrity', () => {
  test('zip_test reads each entry to its end', async () => {
    expect(await verdict('file_integrity', 'glob: good/*.zip, method: zip_test')).toBe('pass')
  })
  test.each(['cut', 'sum', 'size', 'bomb', 'none'])('zip_test finds an archive that is %s', async (name) => {
    expect(await run('file_integrity', `glob: "${name}/*.zip", method: zip_test`)).toMatchObject({
      outcome: 'fail',
      reason: 'bad_value',
      evidence: [{ label: 'file', value: expect.stringContaining(`${name}/a.zip: `) }],
    })
  })
  test('zip_test cannot tell of a packing it does not know', async () => {
    expect(await verdict('file_integrity', 'glob: method/*.zip, method: zip_test')).toBe('unknown bad_value')
  })
  test('gzip_test', async () => {
    expect(await verdict('file_integrity', 'glob: good/*.gz, method: gzip_test')).toBe('pass')
    for (const name of ['cut', 'sum', 'empty']) {
      expect(await verdict('file_integrity', `glob: "${name}/*.gz", method: gzip_test`)).toBe(
        'fail bad_value',
      )
    }
  })
  test('sha256_sidecar', async () => {
    expect(await run('file_integrity', 'glob: good/a.dat*, method: sha256_sidecar')).toMatchObject({
      outcome: 'pass',
      message: '1 file is whole.',
    })
    expect(await verdict('file_integrity', 'glob: wrong/*, method: sha256_sidecar')).toBe('fail bad_value')
    expect(await verdict('file_integrity', 'glob: alone/*, method: sha256_sidecar')).toBe('unknown no_data')
    expect(await verdict('file_integrity', 'glob: "{alone,wrong}/*", method: sha256_sidecar')).toBe(
      'unknown no_data',
    )
    expect(await verdict('file_integrity', 'glob: "[aw]*/*", method: sha256_sidecar')).toBe('fail bad_value')
  })
  test('magic', async () => {
    expect(await verdict('file_integrity', 'glob: good/*.zip, method: magic, magic: 504b0304')).toBe('pass')
    expect(await verdict('file_integrity', 'glob: none/*.zip, method: magic, magic: 504b0304')).toBe(
      'fail bad_value',
    )
  })
  test('looks at the newest alone where a sample is asked for', async () => {
    await put('sample/new.gz', gzipSync(text))
    await put('sample/old.gz', 'broken')
    await utimes(join(folder, 'sample/old.gz'), 1, 1)
    expect(await verdict('file_integrity', 'glob: sample/*.gz, method: gzip_test, sample: {newest: 1}')).toBe(
      'pass',
    )
    expect(await verdict('file_integrity', 'glob: sample/*.gz, method: gzip_test')).toBe('fail bad_value')
  })
  test('has no data where nothing matches', async () => {
    expect(await verdict('file_integrity', 'glob: good/*.rar, method: zip_test')).toBe('unknown no_data')
  })
  test('ends when time is over, and lets go of the file', async () => {
    await put('slow/a.gz', gzipSync(Buffer.alloc(256 * 1024 * 1024)))
    const ending = new AbortController()
    const running = run('file_integrity', 'glob: slow/*.gz, method: gzip_test', { signal: ending.signal })
    await openFiles((open) => open)
    ending.abort()
    expect(await running).toMatchObject({ outcome: 'unknown', reason: 'timeout' })
    await openFiles((open) => !open)
  })
  test('passes over a file that is still being written', async () => {
    const path = join(folder, 'growing/a.gz')
    await put('growing/a.gz', gzipSync(Buffer.alloc(256 * 1024 * 1024)).subarray(0, -1_000))
    const running = run('file_integrity', 'glob: growing/*.gz, method: gzip_test')
    await openFiles((isOpen) => isOpen, path)
    await appendFile(path, 'more')
    expect(await running).toMatchObject({ outcome: 'unknown', reason: 'no_data' })
    expect(await verdict('file_integrity', 'glob: growing/*.gz, method: gzip_test')).toBe('fail bad_value')
  })
})

/** Until this process holds the file open, or no longer does: what the kernel says. */
async function openFiles(
  wanted: (isOpen: boolean) => boolean,
  path = join(folder, 'slow/a.gz'),
): Promise<void> {
  const linkOf = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  }
  while (!wanted(readdirSync('/proc/self/fd').map(linkOf).includes(path))) {
    await new Promise((resolve) => setImmediate(resolve))
  }
}
