import { Hono } from 'hono'
import { sql } from 'kysely'
import { VaultError } from '../domain/vault/vault.ts'
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

/** Nothing is stored under this name: an open vault says so, a sealed one says that it is sealed. */
async function isSealed(vault: AppDeps['vault']): Promise<boolean> {
  try {
    await vault.readBytes({ owner: 'readiness', id: 'none', kind: 'canary' })
    return false
  } catch (error) {
    return !(error instanceof VaultError) || error.failure === 'sealed'
  }
}
