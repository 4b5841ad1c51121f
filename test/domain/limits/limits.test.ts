import { describe, expect, test } from 'vitest'
import { permissions } from '../../../src/domain/auth/permissions.ts'
import { limitFor, limits } from '../../../src/domain/limits/limits.ts'
import { limitableOperations, readOverride } from '../../../src/domain/limits/overrides.ts'

describe('what counts against what', () => {
  test('starting a run and repairing are validation, the pages that offer them are not', () => {
    expect(limitFor('run.start', false, true)).toBe('validation')
    expect(limitFor('record.repair', false, true)).toBe('validation')
    expect(limitFor('run.start', true, true)).toBe('general')
  })

  test('a download is an export', () => {
    expect(limitFor('export.read', true, true)).toBe('exports')
  })

  test('whoever is not signed in has one limit for everything', () => {
    expect(limitFor('run.start', false, false)).toBe('anonymous')
    expect(limitFor('session.create', false, false)).toBe('anonymous')
  })

  test('assets and probes are free', () => {
    expect(limitFor('asset.read', true, false)).toBeUndefined()
    expect(limitFor('health.read', true, false)).toBeUndefined()
  })

  test('the defaults are those that were promised', () => {
    expect([limits.validation.amount, limits.validation.windowSeconds]).toEqual([100, 60])
    expect([limits.exports.amount, limits.exports.windowSeconds]).toEqual([10, 3_600])
  })

  test('run.start and export.read are operations of the permission table', () => {
    const known = Object.values(permissions).map(({ operation }): string => operation)
    for (const operation of ['run.start', 'run.resume', 'dataset.update', 'record.repair', 'export.read']) {
      expect(known).toContain(operation)
    }
  })
})

describe('an override', () => {
  test('is for a limit or an operation, a role and an amount', () => {
    const asked = { target: 'exports', role: 'viewer', amount: '3' }
    expect(readOverride(asked)).toEqual({ ok: true, value: { target: 'exports', role: 'viewer', amount: 3 } })
    expect(limitableOperations).toContain('record.read')
    expect(readOverride({ ...asked, target: 'record.read' }).ok).toBe(true)
  })

  test.each([
    ['an unknown target', { target: 'everything', role: 'viewer', amount: '3' }, 'target'],
    ['an operation that is free', { target: 'health.read', role: 'viewer', amount: '3' }, 'target'],
    ['an unknown role', { target: 'exports', role: 'owner', amount: '3' }, 'role'],
    ['nothing at all', { target: 'exports', role: 'viewer', amount: '0' }, 'amount'],
    ['part of a request', { target: 'exports', role: 'viewer', amount: '1.5' }, 'amount'],
    ['no number', { target: 'exports', role: 'viewer', amount: 'many' }, 'amount'],
    ['what would lock everybody out', { target: 'general', role: 'everyone', amount: '5' }, 'amount'],
  ])('refuses %s', (_, asked, field) => {
    expect(readOverride(asked)).toMatchObject({ ok: false, problem: { kind: 'invalid', field } })
  })
})
