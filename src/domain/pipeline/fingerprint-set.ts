/** Words of a fingerprint: 128 bits as 32 hex digits. */
const words = 4
/** Beyond it the search for a free place takes long. */
const fullest = 0.6

/**
 * Fingerprints that were seen, in one block of memory: as strings in a Set, two million take a fifth of a gigabyte, here 64 MiB.
 * Open addressing with linear probing; a fingerprint is random, so its own bits say where it belongs.
 */
export class FingerprintSet {
  #table: Uint32Array
  #slots: number
  #size = 0
  /** An empty place is all zeros, so this one is kept apart. */
  #hasZero = false

  /** @param expected how many there will be; more are taken as well */
  constructor(expected: number) {
    this.#slots = 2 ** Math.ceil(Math.log2(Math.max(16, expected / fullest)))
    this.#table = new Uint32Array(this.#slots * words)
  }

  /**
   * @param fingerprint 32 hex digits
   * @returns false when it was there already
   */
  add(fingerprint: string): boolean {
    const parts = partsOf(fingerprint)
    if (parts.every((part) => part === 0)) {
      const isNew = !this.#hasZero
      this.#hasZero = true
      return isNew
    }
    if (this.#size >= this.#slots * fullest) this.#grow()
    const isNew = insert(this.#table, this.#slots, parts)
    if (isNew) this.#size++
    return isNew
  }

  #grow(): void {
    const old = this.#table
    this.#slots *= 2
    this.#table = new Uint32Array(this.#slots * words)
    for (let at = 0; at < old.length; at += words) {
      const parts = old.subarray(at, at + words)
      if (parts.some((part) => part !== 0)) insert(this.#table, this.#slots, parts)
    }
  }
}

/** The first word decides which part of a set in several parts it belongs to. */
export const partOf = (fingerprint: string, parts: number): number =>
  Number.parseInt(fingerprint.slice(0, 8), 16) % parts

const partsOf = (fingerprint: string): number[] => [
  Number.parseInt(fingerprint.slice(0, 8), 16),
  Number.parseInt(fingerprint.slice(8, 16), 16),
  Number.parseInt(fingerprint.slice(16, 24), 16),
  Number.parseInt(fingerprint.slice(24, 32), 16),
]

/** Whether it found a free place; false when it is there. */
function insert(table: Uint32Array, slots: number, parts: ArrayLike<number>): boolean {
  const [a = 0, b = 0, c = 0, d = 0] = [parts[0], parts[1], parts[2], parts[3]]
  for (let slot = d & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
    const at = slot * words
    if (table[at] === a && table[at + 1] === b && table[at + 2] === c && table[at + 3] === d) return false
    if (table[at] === 0 && table[at + 1] === 0 && table[at + 2] === 0 && table[at + 3] === 0) {
      table[at] = a
      table[at + 1] = b
      table[at + 2] = c
      table[at + 3] = d
      return true
    }
  }
}
