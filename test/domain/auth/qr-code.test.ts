import { describe, expect, test } from 'vitest'
import { qrPath } from '../../../src/domain/auth/qr-code.ts'

const uri =
  'otpauth://totp/Signalbox:ada%40example.org?secret=OBQEMUX4MDCI4PYJ2K3L2HEMXEOM2IFI&issuer=Signalbox'
const darkOf = (path: string) =>
  new Set([...path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map(([, x, y]) => `${x},${y}`))

describe('a QR code', () => {
  test('has its three finders inside a quiet zone of four modules', () => {
    const { size, path } = qrPath(uri)
    const dark = darkOf(path)
    const far = size - 4 - 7
    for (const [left, top] of [
      [4, 4],
      [far, 4],
      [4, far],
    ] as const) {
      for (let at = 0; at < 7; at++) {
        expect(dark.has(`${left + at},${top}`)).toBe(true)
        expect(dark.has(`${left},${top + at}`)).toBe(true)
      }
      expect(dark.has(`${left + 1},${top + 1}`), 'the light ring').toBe(false)
      expect(dark.has(`${left + 3},${top + 3}`), 'the heart').toBe(true)
    }
    const xs = [...dark].map((place) => Number(place.split(',')[0]))
    expect([Math.min(...xs), Math.max(...xs)]).toEqual([4, size - 5])
  })

  test('is the same for the same text, another for another, and refuses what no code holds', () => {
    expect(qrPath(uri)).toEqual(qrPath(uri))
    expect(qrPath(uri).path).not.toBe(qrPath(`${uri}2`).path)
    expect(() => qrPath('a'.repeat(4_000))).toThrow()
  })
})
