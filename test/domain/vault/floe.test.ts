import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  decryptFloe,
  encryptFloe,
  Floe,
  type FloeParameters,
  headerLength,
} from '../../../src/domain/vault/floe.ts'

const answers = new URL('../../../../shared/data/crypto/floe/', import.meta.url)
const key = Buffer.alloc(32)
const aad = Buffer.from('This is AAD')

const parametersOf = (name: string): FloeParameters => {
  if (/4K/.test(name)) return { segmentLength: 4_096, ivLength: 32, rotationBits: 20 }
  if (/_64_/.test(name)) return { segmentLength: 64, ivLength: 32, rotationBits: 20 }
  return { segmentLength: 40, ivLength: 32, rotationBits: 2 }
}

describe.skipIf(!existsSync(answers))(
  'the known answers of FLOE (skipped where ../shared/data is missing)',
  () => {
    const names = existsSync(answers) ? readdirSync(answers).filter((name) => name.endsWith('_ct.txt')) : []
    test.each(names)('%s opens to its plaintext', (name) => {
      const read = (file: string) => Buffer.from(readFileSync(new URL(file, answers), 'utf8').trim(), 'hex')
      const plain = decryptFloe(parametersOf(name), key, aad, read(name))
      expect(plain.equals(read(name.replace('_ct', '_pt')))).toBe(true)
    })
  },
)

describe('a damaged file', () => {
  const parameters: FloeParameters = { segmentLength: 64, ivLength: 32, rotationBits: 20 }
  const sealed = async (text: string, withKey = key, withAad = aad): Promise<Buffer> => {
    const floe = Floe.create(parameters, withKey, withAad, randomBytes(32))
    const chunks: Buffer[] = []
    const source = (async function* () {
      yield Buffer.from(text)
    })()
    for await (const chunk of encryptFloe(floe, source, randomBytes, () => {})) chunks.push(...chunk)
    return Buffer.concat(chunks)
  }
  // 32 plaintext bytes a segment: three segments, the last one half full.
  const text = 'a'.repeat(32) + 'b'.repeat(32) + 'c'.repeat(16)
  const head = headerLength(parameters)
  const part = (file: Buffer, position: number) =>
    file.subarray(head + position * 64, head + (position + 1) * 64)
  const flipped = (file: Buffer, at: number) => {
    const copy = Buffer.from(file)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  }
  const opens = (file: Buffer, withKey = key, withAad = aad) =>
    decryptFloe(parameters, withKey, withAad, file)

  test('opens while it is whole', async () => {
    expect(opens(await sealed(text)).toString()).toBe(text)
    expect(opens(await sealed('')).length).toBe(0)
    expect(opens(await sealed('a'.repeat(64))).length).toBe(64)
  })

  const damages: Record<string, (file: Buffer, other: Buffer) => Buffer> = {
    'without its final segment': (file) => file.subarray(0, head + 128),
    'with its final segment twice': (file) => Buffer.concat([file, file.subarray(head + 128)]),
    'with trailing garbage': (file) => Buffer.concat([file, Buffer.from('xyz')]),
    'with its last segment cut': (file) => file.subarray(0, file.length - 1),
    'with segments swapped': (file) =>
      Buffer.concat([file.subarray(0, head), part(file, 1), part(file, 0), file.subarray(head + 128)]),
    'with a segment of another file': (file, other) =>
      Buffer.concat([file.subarray(0, head), part(other, 0), file.subarray(head + 64)]),
    'with the header of another file': (file, other) =>
      Buffer.concat([other.subarray(0, head), file.subarray(head)]),
    'with a bad tag in the first segment': (file) => flipped(file, head + 63),
    'with a bad tag in the middle segment': (file) => flipped(file, head + 127),
    'with a bad tag in the last segment': (file) => flipped(file, file.length - 1),
    'that is empty': () => Buffer.alloc(0),
  }
  test.each(Object.entries(damages))('%s is refused', async (_name, damage) => {
    const file = damage(await sealed(text), await sealed(text))
    expect(() => opens(file)).toThrowError(expect.objectContaining({ failure: 'damaged' }))
  })

  test('of another dataset is refused', async () => {
    const file = await sealed(text, key, Buffer.from('another dataset'))
    expect(() => opens(file)).toThrowError(expect.objectContaining({ failure: 'damaged' }))
  })

  test('under another key is refused', async () => {
    const file = await sealed(text, randomBytes(32))
    expect(() => opens(file)).toThrowError(expect.objectContaining({ failure: 'damaged' }))
  })
})
