import { runStore } from '../../src/db/runs.ts'
import type { Runs } from '../../src/domain/pipeline/request-run.ts'
import { RunConfiguration } from '../../src/domain/pipeline/run.ts'
import type { Member } from './app.ts'
import { type TestPortal, testPortal } from './portal.ts'

/** Takes runs as the engine would accept them, for nobody to work. */
export const acceptedRuns = ({ deps }: Pick<TestPortal, 'deps'>): Runs =>
  runStore({
    ...deps,
    send: async () => {},
    createKey: (owner) => deps.vault.createKey(owner),
    changed: () => {},
  })

/** A run as the engine would accept it, of no queue. */
export async function runOver(web: TestPortal, who: Member, ...datasetIds: string[]): Promise<string> {
  const started = await acceptedRuns(web).start(
    { actor: { id: who.id, kind: 'user' }, requestId: 'req_test' },
    { datasetIds, configuration: RunConfiguration.parse({}) },
  )
  if (!started.ok) throw new Error(started.problem.message)
  return started.value
}

/** Runs that are known only when something is asked of them: an app is made before its engine. */
export const lateRuns = (runs: () => Runs): Runs => ({
  start: (...asked) => runs().start(...asked),
  cancel: (...asked) => runs().cancel(...asked),
  resume: (...asked) => runs().resume(...asked),
})

/** A portal that accepts runs, for nobody to work. */
export async function portalWithRuns(): Promise<{ readonly web: TestPortal; readonly runs: Runs }> {
  let runs: Runs
  const web = await testPortal(() => ({ runs: lateRuns(() => runs) }))
  runs = acceptedRuns(web)
  return { web, runs }
}
