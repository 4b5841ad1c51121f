import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(`${root}docs/security.md`, 'utf8')
/** The rows: a promise, the file that holds it, and how its test begins or is called. */
const rows = [
  ...page.matchAll(/^\| (?<promise>[^|]+?) +\| `(?<file>test\/[^`]+)` “(?<title>[^”]*)” +\|$/gm),
].map(({ groups }) => ({
  promise: groups?.promise ?? '',
  file: groups?.file ?? '',
  title: groups?.title ?? '',
}))

test('every row of docs/security.md names a test', () => {
  const lines = page.split('\n').filter((line) => /^\| (?!promise|---)/.test(line))
  expect(rows).toHaveLength(lines.length)
  expect(rows.length).toBeGreaterThan(40)
})

test.each(rows)('$promise', ({ file, title }) => {
  expect(existsSync(`${root}${file}`)).toBe(true)
  expect(readFileSync(`${root}${file}`, 'utf8')).toContain(title)
})
