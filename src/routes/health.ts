import { Hono } from 'hono'
import { askDatabase } from '../db/connection.ts'
import { healthOfFlows } from '../domain/flows/monitor/status.ts'
import type { Health, Readiness } from '../domain/flows/monitor/status-shape.ts'
import type { AppDeps, AppEnv } from './app-context.ts'
import { within } from './within.ts'

/**
 * For machines: `/health` says that the process lives and how it and the flows are, `/ready` whether it can work. A
 * red flow changes neither status: restarting the portal mends no flow. Until the process has migrated the database,
 * both are answered 503 by `listen.ts`.
 */
export const healthRoutes = ({ db, vault, flows }: Pick<AppDeps, 'db' | 'vault' | 'flows'>) => {
  let asking: Promise<boolean> | undefined
  /** However many ask, one question is on its way; a database that hangs keeps nobody waiting. */
  const isDatabaseThere = async (patienceMs: number) => {
    asking ??= askDatabase(db)
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        asking = undefined
      })
    return (await within(patienceMs, asking)) === true
  }
  const whatIsMissing = async (patienceMs: number): Promise<'database' | 'sealed' | undefined> => {
    if (!(await isDatabaseThere(patienceMs))) return 'database'
    return (await isSealed(vault)) ? 'sealed' : undefined
  }

  return new Hono<AppEnv>()
    .get('/health', async (c) => {
      const missing = await whatIsMissing(patience.health)
      const pictures = flows.list().flatMap(({ id }) => flows.picture(id) ?? [])
      const health: Health = {
        status: missing === undefined ? 'healthy' : 'degraded',
        flows: healthOfFlows(pictures, flows.scheduler(), flows.refusedFiles()),
      }
      return c.json(health)
    })
    .get('/ready', async (c) => {
      const missing = await whatIsMissing(patience.ready)
      const readiness: Readiness = { status: missing ?? 'ready' }
      return c.json(readiness, missing === undefined ? 200 : 503)
    })
}

/** Milliseconds. Whoever ends a process whose `/health` is late waits a second as a rule. */
const patience = { health: 500, ready: 3_000 }

/** The canary object opens only with the right master key, and its folders in place. */
const isSealed = (vault: AppDeps['vault']): Promise<boolean> =>
  vault.readBytes({ owner: 'vault', id: 'canary', kind: 'canary' }).then(
    () => false,
    () => true,
  )
