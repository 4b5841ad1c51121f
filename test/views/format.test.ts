import { describe, expect, it } from 'vitest'
import { ago, bytes, duration, number, percent, plural, score } from '../../src/views/components/format.ts'

const plain = (text: string) => text.replaceAll('\u00a0', ' ')

describe('numbers for people', () => {
  it.each([
    [number(1_204_318), '1,204,318'],
    [bytes(1), '1 byte'],
    [bytes(938_400), '938 KB'],
    [bytes(999_999), '1.0 MB'],
    [bytes(5e9), '5.0 GB'],
    [percent(0.99999), '99.9 %'],
    [percent(0.00001), '0.1 %'],
    [percent(1), '100 %'],
    [score(0.6999), '0.69'],
    [score(0.7), '0.70'],
    [duration(400), '0.4 s'],
    [duration(112_000), '1 min 52 s'],
    [duration(7_200_000), '2 h'],
    [plural(1, 'record'), '1 record'],
    [plural(2301, 'record'), '2,301 records'],
    [ago(new Date(0), new Date(4 * 60_000)), '4 min ago'],
    [ago(new Date(9000), new Date(0)), 'now'],
  ])('%s', (actual, expected) => {
    expect(plain(actual)).toBe(expected)
  })
})
