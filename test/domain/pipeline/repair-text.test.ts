import { expect, it } from 'vitest'
import { repairText } from '../../../src/domain/pipeline/repair-text.ts'
import { cpuMs } from '../../support/cpu-time.ts'

const repair = (content: string) =>
  repairText({ messages: [{ role: 'user', content }], meta: {} }).messages[0]?.content

it.each([
  ['cafe\u0301', 'caf\u00e9'],
  ['a\u200bb\ufeffc\u200dd', 'abcd'],
  ['a\u00a0b', 'a b'],
  ['a\r\nb  \nc\t', 'a\nb\nc'],
  ['  in dent', '  in dent'],
  ['👩\u200d🚀 ❤\ufe0f\u200d🔥', '👩\u200d🚀 ❤\ufe0f\u200d🔥'],
  ['می\u200cخواهم', 'می\u200cخواهم'],
])('repairs %j', (before, after) => {
  expect(repair(before)).toBe(after)
  expect(repair(after)).toBe(after)
})

it('is linear', () => {
  expect(cpuMs(() => repair(`${' '.repeat(300_000)}x`))).toBeLessThan(2000)
})
