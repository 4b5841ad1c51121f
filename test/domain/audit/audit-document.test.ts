import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { actions } from '../../../src/domain/audit/actions.ts'
import { permissions } from '../../../src/domain/auth/permissions.ts'

const page = readFileSync(new URL('../../../docs/audit.md', import.meta.url), 'utf8')
const rows = [...page.matchAll(/^\| `([A-Z]+ \/[^`]*)`\s*\| (.*?)\s*\|$/gm)].map(
  ([, route = '', named = '']) => ({
    route,
    actions: [...named.matchAll(/`([\w.-]+)`/g)].map((match) => match[1]),
  }),
)

describe('docs/audit.md', () => {
  test('names every route that changes something', () => {
    const mutations = Object.keys(permissions).filter((route) => !route.startsWith('GET '))
    expect(rows.map(({ route }) => route).sort()).toEqual(mutations.sort())
  })

  test('names an action for each, and none that is not logged', () => {
    const known: readonly string[] = actions
    const wrong = rows.filter(
      (row) => row.actions.length === 0 || !row.actions.every((name) => known.includes(name ?? '')),
    )
    expect(wrong).toEqual([])
  })
})
