import type { RunConfiguration } from '../pipeline/run.ts'
import { ok, type Result, refuse } from '../result.ts'
import type { Check } from './check.ts'
import { privacy } from './checks/privacy.ts'
import { structure } from './checks/structure.ts'

/** Every check there is, in the order findings are listed. A later one is one file and one line here. */
export const checks: readonly Check[] = [structure, privacy]

/** The checks a run asks for, in registry order. */
export function selectChecks(selection: RunConfiguration['checks']): Result<readonly Check[]> {
  if (selection === 'all') return ok(checks)
  if (selection === 'none') return ok([])
  const unknown = selection.filter((name) => !checks.some((check) => check.name === name))
  if (unknown.length === 0) return ok(checks.filter(({ name }) => selection.includes(name)))
  const known = checks.map(({ name }) => name).join(', ')
  return refuse('invalid', `There is no check named ${unknown.join(', ')}; choose from: ${known}.`, 'checks')
}
