import { timingSafeEqual } from 'node:crypto'
import { hkdfExpand } from './floe.ts'
import { type ObjectName, VaultError } from './vault.ts'

/**
 * A stored object is an ordered list of parts, each a FLOE file, and a closing row: the length of each part
 * (8 bytes), the version of the owner's key less one (2 bytes), the number of parts (2 bytes), and a MAC over all of it
 * bound to the object's name (32 bytes). Without the closing row an object is not whole, whatever its parts say.
 */
const countsLength = 4
const macLength = 32

/** Additional data of a part: an object copied to another owner, id, kind or part does not open. */
export const partAad = (name: ObjectName, part: number): Buffer =>
  Buffer.from(JSON.stringify(['signalbox-object', name.owner, name.id, name.kind, part]))

export function closingRow(
  key: Uint8Array,
  keyVersion: number,
  name: ObjectName,
  partLengths: readonly number[],
): Buffer {
  const row = Buffer.alloc(partLengths.length * 8 + countsLength)
  for (const [part, length] of partLengths.entries()) row.writeBigUInt64BE(BigInt(length), part * 8)
  row.writeUInt16BE(keyVersion - 1, partLengths.length * 8)
  row.writeUInt16BE(partLengths.length, partLengths.length * 8 + 2)
  return Buffer.concat([row, closingMac(key, name, row)])
}

/**
 * Which version of its owner's key an object says it is sealed under; `readClosingRow` with that key proves it.
 * @param tail the last `closingRowLength(1)` bytes or more
 * @throws VaultError `damaged`
 */
export function readKeyVersion(tail: Buffer): number {
  if (tail.length < closingRowLength(1)) throw damaged()
  return tail.readUInt16BE(tail.length - macLength - countsLength) + 1
}

/**
 * Reads the lengths of the parts from the end of an object.
 * @param tail the last `closingRowLength(1)` bytes or more
 * @throws VaultError `damaged`
 */
export function readClosingRow(key: Uint8Array, name: ObjectName, tail: Buffer, size: number): number[] {
  if (tail.length < closingRowLength(1)) throw damaged()
  const count = tail.readUInt16BE(tail.length - macLength - 2)
  const length = closingRowLength(count)
  if (count === 0 || length > tail.length) throw damaged()
  const row = tail.subarray(tail.length - length, tail.length - macLength)
  if (!timingSafeEqual(closingMac(key, name, row), tail.subarray(tail.length - macLength))) throw damaged()
  const lengths = Array.from({ length: count }, (_, part) => Number(row.readBigUInt64BE(part * 8)))
  if (lengths.reduce((sum, part) => sum + part, length) !== size) throw damaged()
  return lengths
}

export const closingRowLength = (parts: number): number => parts * 8 + countsLength + macLength

const damaged = () =>
  new VaultError('damaged', 'A stored object is damaged: it was not closed. Restore it from a backup.')

const closingMac = (key: Uint8Array, name: ObjectName, row: Uint8Array): Buffer =>
  hkdfExpand(key, Buffer.concat([Buffer.from('CLOSING_ROW:'), partAad(name, 0), row]), macLength)
