import { describe, expect, it } from 'vitest'
import type { Check } from '../../../src/domain/quality/check.ts'
import { checks, selectChecks } from '../../../src/domain/quality/registry.ts'
import { assess } from '../../../src/domain/quality/score.ts'

const nothing = { messages: [], meta: {} }
const check = (cap: number, ...effects: number[]): Check => ({
  name: 'x',
  title: 'X',
  version: 1,
  rules: [],
  cap,
  inspect: () =>
    effects.map((effect) => ({ rule: 'x/y', version: 1, severity: 'minor', message: 0, span: null, effect })),
})

describe('score', () => {
  it('subtracts up to the cap of each check and never goes below 0', () => {
    expect(assess(nothing, [])).toEqual({ score: 1000, findings: [] })
    expect(assess(nothing, [check(300, 100, 50), check(200, 150, 150)]).score).toBe(650)
    expect(assess(nothing, [check(800, 900), check(800, 900)])).toMatchObject({ score: 0 })
  })
})

describe('registry', () => {
  it('selects checks', () => {
    expect(selectChecks('all')).toEqual({ ok: true, value: checks })
    expect(selectChecks('none')).toEqual({ ok: true, value: [] })
    const some = selectChecks(['privacy'])
    expect(some.ok && some.value.map(({ name }) => name)).toEqual(['privacy'])
    expect(selectChecks(['privcy'])).toMatchObject({
      ok: false,
      problem: { kind: 'invalid', message: expect.stringMatching(/privcy.*structure, privacy/) },
    })
  })
  it('has rules named after their check', () => {
    for (const { name, rules } of checks) {
      for (const { id, effect } of rules) {
        expect(id.startsWith(`${name}/`)).toBe(true)
        expect(Number.isInteger(effect)).toBe(true)
      }
    }
  })
})
