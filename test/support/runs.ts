import { runStore } from '../../src/db/runs.ts'
import { RunConfiguration } from '../../src/domain/pipeline/run.ts'
import type { Member } from './app.ts'
import type { TestPortal } from './portal.ts'

/** A run as the engine would accept it, of no queue. */
export async function runOver(web: TestPortal, who: Member, ...datasetIds: string[]): Promise<string> {
  const runs = runStore({
    ...web.deps,
    send: async () => {},
    createKey: (owner) => web.deps.vault.createKey(owner),
    changed: () => {},
  })
  const started = await runs.start(
    { actor: { id: who.id, kind: 'user' }, requestId: 'req_test' },
    { datasetIds, configuration: RunConfiguration.parse({}) },
  )
  if (!started.ok) throw new Error(started.problem.message)
  return started.value
}
