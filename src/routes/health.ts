import { Hono } from 'hono'
import { askDatabase } from '../db/connection.ts'
import { healthOfFlows } from '../domain/flows/monitor/status.ts'
import type { Health, Readiness } from '../domain/flows/monitor/status-shape.ts'
import type { AppDeps, AppEnv } from './app-context.ts'

/**
 * For machines: `/health` says that the process lives and how it and the flows are, `/ready` whether it can work. A
 * red flow changes neither status: restarting the portal mends no flow. Until the process has migrated the database,
 * both are answered 503 by `listen.ts`.
 */
export const healthRoutes = (deps: Pick<AppDeps, 'db' | 'vault' | 'flows'>) =>
  new Hono<AppEnv>()
    .get('/health', async (c) => {
      const missing = await whatIsMissing(deps)
      const { flows } = deps
      const pictures = flows.list().flatMap(({ id }) => flows.picture(id) ?? [])
      const health: Health = {
        status: missing === undefined ? 'healthy' : 'degraded',
        flows: healthOfFlows(pictures, flows.scheduler(), flows.refusedFiles()),
      }
      return c.json(health)
    })
    .get('/ready', async (c) => {
      const missing = await whatIsMissing(deps)
      const readiness: Readiness = { status: missing ?? 'ready' }
      return c.json(readiness, missing === undefined ? 200 : 503)
    })

async function whatIsMissing({
  db,
  vault,
}: Pick<AppDeps, 'db' | 'vault'>): Promise<'database' | 'sealed' | undefined> {
  try {
    await askDatabase(db)
  } catch {
    return 'database'
  }
  return (await isSealed(vault)) ? 'sealed' : undefined
}

/** The canary object opens only with the right master key, and its folders in place. */
const isSealed = (vault: AppDeps['vault']): Promise<boolean> =>
  vault.readBytes({ owner: 'vault', id: 'canary', kind: 'canary' }).then(
    () => false,
    () => true,
  )
