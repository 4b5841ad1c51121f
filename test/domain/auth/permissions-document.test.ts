import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { commandOperations } from '../../../src/domain/auth/permissions.ts'
import { permissionRows } from '../../support/permission-rows.ts'

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

describe('docs/permissions.md', () => {
  test('says what the table of operations says, no more and no less', () => {
    const rows = read('docs/permissions.md')
      .split('\n')
      .filter((line) => /^\| `[\w.-]+`/.test(line))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
    expect(rows).toEqual(permissionRows())
  })
})

test('only the export is an operation of jobs alone', () => {
  const ofJobs = permissionRows().filter((row) => row.at(-1) === 'jobs')
  expect(ofJobs.map(([name]) => name)).toEqual(['`export.make`'])
})

test('every command of the command line is in the table', () => {
  const entries = [...read('package.json').matchAll(/"([\w:]+)": "node [^"]*dist\/cli\//g)].map(
    (match) => match[1],
  )
  expect(Object.keys(commandOperations).sort()).toEqual([...new Set(entries)].sort())
})
