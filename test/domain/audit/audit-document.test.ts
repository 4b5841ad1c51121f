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
    const mutations = Object.entries(permissions)
      .filter(([route, { operation }]) => !/^(GET|OPTIONS) /.test(route) && operation !== 'heartbeat.ping')
      .map(([route]) => route)
    expect(rows.map(({ route }) => route).sort()).toEqual(mutations.sort())
  })

  test('says of pings that they are not logged, and why', () => {
    expect(page.slice(page.indexOf('## What is not logged'))).toMatch(/^\| pings of jobs \(`\/ping\/…`\)/m)
  })

  test('names an action for each, and none that is not logged', () => {
    const known: readonly string[] = actions
    const wrong = rows.filter(
      (row) => row.actions.length === 0 || !row.actions.every((name) => known.includes(name ?? '')),
    )
    expect(wrong).toEqual([])
  })
})
