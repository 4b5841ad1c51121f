import { expect, test } from 'vitest'
import { actions, actionWords } from '../../../src/domain/audit/actions.ts'

test('every action is listed once, in words of its own', () => {
  expect(actions).toHaveLength(new Set(actions).size)
  expect(actions).toHaveLength(new Set(actions.map(actionWords)).size)
})
