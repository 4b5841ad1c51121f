import { Hono } from 'hono'
import { z } from 'zod'
import { createApiKey, findApiKey, listApiKeys, revokeApiKey } from '../db/api-keys.ts'
import { NewApiKey, usualKeyDays } from '../domain/auth/api-key.ts'
import { ApiKeysPage } from '../views/account/api-keys-page.tsx'
import { CreatedKeyPage, NewKeyPage, type TypedKey } from '../views/account/new-key-page.tsx'
import { RevokeKeyPage } from '../views/account/revoke-key-page.tsx'
import { AdminApiKeysPage } from '../views/admin/api-keys-page.tsx'
import type { FormProblem } from '../views/components/error-summary.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { answerProblem, statusOf } from './problem.tsx'

const typed = z.string().catch('')
const KeyForm = z.object({
  name: typed,
  scopes: z.union([z.array(z.string()), z.string().transform((one) => [one])]).catch([]),
  days: typed,
})
const KeysQuery = z.object({ q: z.string().trim().min(1).max(200).optional().catch(undefined) })

/** One's own API keys: the list, a new one, the end of one. */
export function accountKeyRoutes(deps: AppDeps) {
  const { db, clock } = deps

  return new Hono<AppEnv>()
    .get('/', async (c) => {
      const found = await listApiKeys(db, { ownerId: c.var.user.id }, clock())
      return c.html(<ApiKeysPage {...frameOf(c)} {...found} now={clock()} />)
    })
    .get('/new', (c) => c.html(<NewKeyPage {...frameOf(c)} typed={usual} />))
    .post('/new', async (c) => {
      const form = KeyForm.parse(await c.req.parseBody({ all: true }))
      const refuse = (problems: readonly FormProblem[], status: 409 | 422) =>
        c.html(<NewKeyPage {...frameOf(c)} typed={form} problems={problems} />, status)
      const asked = NewApiKey.safeParse(form)
      if (!asked.success) {
        const problems = asked.error.issues.map(({ path, message }) => ({ field: String(path[0]), message }))
        return refuse(problems, statusOf.invalid)
      }
      const created = await createApiKey(deps, c.var.caller, c.var.user.id, asked.data)
      if (!created.ok) return refuse([created.problem], statusOf.conflict)
      return c.html(<CreatedKeyPage {...frameOf(c)} name={asked.data.name} value={created.value.key} />)
    })
    .get('/:keyId/revocation', (c) => askToRevoke(deps, c, c.req.param('keyId'), c.var.user.id))
    .post('/:keyId/revocation', (c) => revoke(deps, c, c.req.param('keyId'), c.var.user.id))
}

/** Everybody's API keys, for administrators. */
export function adminApiKeyRoutes(deps: AppDeps) {
  const { db, clock } = deps

  return new Hono<AppEnv>()
    .get('/', async (c) => {
      const { q } = KeysQuery.parse(c.req.query())
      const found = await listApiKeys(db, { q }, clock())
      return c.html(<AdminApiKeysPage {...frameOf(c)} {...found} q={q} now={clock()} />)
    })
    .get('/:keyId/revocation', (c) => askToRevoke(deps, c, c.req.param('keyId'), undefined))
    .post('/:keyId/revocation', (c) => revoke(deps, c, c.req.param('keyId'), undefined))
}

const usual: TypedKey = { name: '', scopes: [], days: String(usualKeyDays) }

/** @param ownerId whose key it has to be; undefined: an administrator asks, for anybody's */
async function askToRevoke({ db, clock }: AppDeps, c: AppContext, id: string, ownerId: string | undefined) {
  const key = await findApiKey(db, id, ownerId)
  if (key === undefined) return answerProblem(c, gone)
  return c.html(<RevokeKeyPage {...frameOf(c)} apiKey={key} list={listOf(ownerId)} now={clock()} />)
}

async function revoke(deps: AppDeps, c: AppContext, id: string, ownerId: string | undefined) {
  const isRevoked = await revokeApiKey(deps, c.var.caller, id, ownerId)
  return isRevoked ? c.redirect(listOf(ownerId), 303) : answerProblem(c, gone)
}

const listOf = (ownerId: string | undefined) => (ownerId === undefined ? '/admin/api-keys' : '/account/keys')

const gone = {
  kind: 'not-found',
  message: 'There is no such key, or it was revoked already. Open the list again.',
} as const
