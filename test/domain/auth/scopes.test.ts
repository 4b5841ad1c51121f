import { describe, expect, test } from 'vitest'
import { operationNames, operationOf } from '../../../src/domain/auth/operations.ts'
import { permissions } from '../../../src/domain/auth/permissions.ts'
import { areFor, knownScopes, scopeNames, scopesFor } from '../../../src/domain/auth/scopes.ts'

describe('scopes', () => {
  const held = operationNames.filter((operation) => areFor(scopeNames, operation))

  test('hold what they are for, and nothing else', () => {
    expect(areFor(['data:read'], 'run.read')).toBe(true)
    expect(areFor(['data:read'], 'run.start')).toBe(false)
    expect(areFor([], 'run.read')).toBe(false)
    expect(scopesFor('run.start')).toEqual(['data:run'])
    expect(scopesFor('dataset.delete')).toEqual([])
  })

  test('hold nothing that asks for password or code again', () => {
    expect(held.filter((operation) => operationOf(operation).stepUp === true)).toEqual([])
  })

  test('hold nothing of accounts, sessions, people, keys or the audit log', () => {
    const families =
      /^(account|session|second-factor|password|user|api-key|vault|audit|rate-limit|retention)\./
    expect(held.filter((operation) => families.test(operation))).toEqual([])
  })

  test('let every key get and revoke tokens', () => {
    expect(areFor([], 'token.create')).toBe(true)
    expect(areFor([], 'token.revoke')).toBe(true)
  })

  test('that this version does not know are left out', () => {
    expect(knownScopes(['data:read', 'data:everything'])).toEqual(['data:read'])
  })
})

describe('routes for programs', () => {
  const open = Object.entries(permissions).filter(([, { bearer }]) => bearer === true)

  test('are all of /api/v1, and none of administration or the account', () => {
    const api = Object.keys(permissions).filter((route) => route.includes(' /api/'))
    const names = open.map(([route]) => route)
    expect(api.filter((route) => !names.includes(route))).toEqual([])
    expect(names.filter((route) => / \/(admin|account|step-up|sign-in)/.test(route))).toEqual([])
  })

  test('are each in a scope, or for every key', () => {
    expect(open.filter(([, { operation }]) => !areFor(scopeNames, operation))).toEqual([])
  })

  test('that know a token of their own change nothing', () => {
    const own = Object.entries(permissions).filter(([, { ownToken }]) => ownToken === true)
    expect(own.filter(([route]) => !route.startsWith('GET '))).toEqual([])
  })
})
