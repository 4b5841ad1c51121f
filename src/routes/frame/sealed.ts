import { createMiddleware } from 'hono/factory'
import { type Vault, VaultError } from '../../domain/vault/vault.ts'
import type { AppDeps, AppEnv } from '../app-context.ts'
import { wantsPage } from '../problem.tsx'

/** Changes that touch no object of the vault: people and programs can sign in to see what is wrong, and sign out; jobs report. */
const untouched = /^\/(sign-in|sign-out|set-up|account|api\/v1\/tokens|ping)(\/|$)/

/** Of a page only so often: the answer costs a look at the keys. */
const lookEveryMs = 1000

async function whySealed(vault: Pick<Vault, 'deriveKey'>): Promise<VaultError | undefined> {
  try {
    await vault.deriveKey('vault', 'sealed')
    return undefined
  } catch (error) {
    return error instanceof VaultError && error.failure === 'sealed' ? error : undefined
  }
}

/**
 * While the vault is sealed: refuses every change before anything of it is written (the error becomes a 503 in `app.tsx`),
 * and has every page say so, for nobody should find out by an upload that fails.
 */
export const refuseWhileSealed = ({ vault, clock }: Pick<AppDeps, 'vault' | 'clock'>) => {
  let looked: { readonly at: number; readonly answer: Promise<VaultError | undefined> } | undefined
  const seen = () => {
    const at = clock().getTime()
    if (looked === undefined || Math.abs(at - looked.at) >= lookEveryMs)
      looked = { at, answer: whySealed(vault) }
    return looked.answer
  }
  return createMiddleware<AppEnv>(async (c, next) => {
    if (!['GET', 'HEAD', 'OPTIONS'].includes(c.req.method)) {
      const sealed = untouched.test(c.req.path) ? undefined : await whySealed(vault)
      if (sealed !== undefined) throw sealed
    } else if (c.var.viewer !== undefined && wantsPage(c)) {
      c.set('isSealed', (await seen()) !== undefined)
    }
    await next()
  })
}
