import { createMiddleware } from 'hono/factory'
import { VaultError } from '../../domain/vault/vault.ts'
import type { AppDeps, AppEnv } from '../app-context.ts'

/** Changes that touch no object of the vault: people and programs can sign in to see what is wrong, and sign out; jobs report. */
const untouched = /^\/(sign-in|sign-out|set-up|account|api\/v1\/tokens|ping)(\/|$)/

/** Refuses every change while the vault is sealed, before anything of it is written. The error becomes a 503 in `app.tsx`. */
export const refuseWhileSealed = ({ vault }: Pick<AppDeps, 'vault'>) =>
  createMiddleware<AppEnv>(async (c, next) => {
    if (!['GET', 'HEAD', 'OPTIONS'].includes(c.req.method) && !untouched.test(c.req.path)) {
      await vault.deriveKey('vault', 'sealed').catch((error: unknown) => {
        if (error instanceof VaultError && error.failure === 'sealed') throw error
      })
    }
    await next()
  })
