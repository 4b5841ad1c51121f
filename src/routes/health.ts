import { Hono } from 'hono'
import { sql } from 'kysely'
import type { AppDeps, AppEnv } from './app-context.ts'

/** For machines: `/health` says that the process lives, `/ready` whether it can work. */
export const healthRoutes = (deps: AppDeps) =>
  new Hono<AppEnv>()
    .get('/health', async (c) => {
      const missing = await whatIsMissing(deps)
      return c.json({ status: missing === undefined ? 'healthy' : 'degraded' })
    })
    .get('/ready', async (c) => {
      const missing = await whatIsMissing(deps)
      return missing === undefined ? c.json({ status: 'ready' }) : c.json({ status: missing }, 503)
    })

async function whatIsMissing({ db, vault }: AppDeps): Promise<'database' | 'sealed' | undefined> {
  try {
    await sql`select 1`.execute(db)
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
