import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { HTTPException } from 'hono/http-exception'
import { argon2Passwords } from './adapters/passwords.ts'
import { isUnstorableText } from './db/unstorable-text.ts'
import { PasswordsBusy } from './domain/auth/sign-in.ts'
import { errorTrace } from './domain/error-trace.ts'
import { isNoRoom } from './domain/system/disk-space.ts'
import { VaultError } from './domain/vault/vault.ts'
import { accountRoutes, signOutRoutes } from './routes/account.tsx'
import { adminRoutes } from './routes/admin.tsx'
import { adminBoardRoutes } from './routes/admin-boards.tsx'
import { adminKeyRoutes } from './routes/admin-keys.tsx'
import { adminLimitRoutes } from './routes/admin-limits.tsx'
import { adminSystemRoutes } from './routes/admin-system.tsx'
import { apiRoutes } from './routes/api.ts'
import { accountKeyRoutes, adminApiKeyRoutes } from './routes/api-keys.tsx'
import type { AppDeps, AppEnv } from './routes/app-context.ts'
import { auditRoutes } from './routes/audit.tsx'
import { boardLinkRoutes, boardRoutes } from './routes/board.tsx'
import { dashboardRoutes } from './routes/dashboard.tsx'
import { datasetRoutes } from './routes/datasets.tsx'
import { deletionRoutes } from './routes/deletions.tsx'
import { diagramRoutes } from './routes/diagram.ts'
import { flowRoutes } from './routes/flows.tsx'
import { access } from './routes/frame/access.ts'
import { assetRoutes } from './routes/frame/assets.ts'
import { BrokenBody, bodyPace, SlowBody } from './routes/frame/body-pace.ts'
import { identifyClient } from './routes/frame/client.ts'
import { otherSiteRecorder } from './routes/frame/denials.ts'
import { refuseKeysInUrl } from './routes/frame/key-in-url.ts'
import { refuseTwoHosts } from './routes/frame/one-host.ts'
import { refuseOtherMethods } from './routes/frame/other-methods.ts'
import { rateLimit } from './routes/frame/rate-limit.ts'
import { requestId, requestLog } from './routes/frame/request-log.ts'
import { sameOriginOnly } from './routes/frame/same-origin.ts'
import { refuseWhileSealed } from './routes/frame/sealed.ts'
import { noStore, securityHeaders } from './routes/frame/security-headers.ts'
import { securityLog } from './routes/frame/security-log.ts'
import { healthRoutes } from './routes/health.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { newPasswordRoutes } from './routes/new-password.tsx'
import { pingRoutes } from './routes/ping.ts'
import { answerStatus } from './routes/problem.tsx'
import { quarantineRoutes } from './routes/quarantine.tsx'
import { reportRoutes } from './routes/report.tsx'
import { retentionRoutes } from './routes/retention.tsx'
import { runRoutes } from './routes/runs.tsx'
import { setUpRoutes } from './routes/set-up.tsx'
import { signInRoutes } from './routes/sign-in.tsx'
import { statusRoutes } from './routes/status.ts'
import { stepUpRoutes } from './routes/step-up.tsx'
import { subjectRemovalRoutes, subjectRoutes } from './routes/subjects.tsx'
import { tokenRoutes } from './routes/tokens.ts'
import { tryFlowRoutes } from './routes/try-flow.tsx'

/** The portal over what it is given: the frame every request goes through, then the routes. */
export function createApp(deps: AppDeps): Hono<AppEnv> {
  const passwords = argon2Passwords()
  const limits = rateLimit(deps)
  const app = new Hono<AppEnv>()
  app.use(identifyClient(deps.config.trustedProxies))
  app.use(requestId(deps))
  app.use(requestLog(deps.log))
  app.use(securityLog(deps.log))
  app.use(securityHeaders(deps.config.secureCookies))
  app.use(noStore)
  app.use(refuseTwoHosts)
  app.use(compress())
  app.use(refuseOtherMethods)
  app.use(sameOriginOnly(deps.config.publicUrl, deps.log, otherSiteRecorder(deps)))
  app.use(bodyPace(deps.config.bodyPaces))
  app.use(limits.refused)
  app.use(refuseKeysInUrl(deps.log))
  app.use(access(deps))
  app.use(limits.allowed)
  app.use(refuseWhileSealed(deps))

  app.route('/', assetRoutes())
  app.route('/', healthRoutes(deps))
  app.route('/metrics', metricsRoutes(deps))
  app.route('/status', statusRoutes(deps))
  app.route('/ping', pingRoutes(deps))
  app.route('/sign-in', signInRoutes(deps, passwords))
  app.route('/sign-out', signOutRoutes(deps))
  app.route('/set-up', setUpRoutes(deps, passwords))
  app.route('/admin/boards', adminBoardRoutes(deps))
  app.route('/admin/limits', adminLimitRoutes(deps))
  app.route('/admin/keys', adminKeyRoutes(deps))
  app.route('/admin/system', adminSystemRoutes(deps))
  app.route('/admin/api-keys', adminApiKeyRoutes(deps))
  app.route('/account/keys', accountKeyRoutes(deps))
  app.route('/account', accountRoutes(deps, passwords))
  app.route('/step-up', stepUpRoutes(deps, passwords))
  app.route('/new-password', newPasswordRoutes(deps, passwords))
  app.route('/admin/audit', auditRoutes(deps))
  app.route('/admin/report', reportRoutes(deps))
  app.route('/admin', adminRoutes(deps))
  app.route('/admin/deletions', deletionRoutes(deps))
  app.route('/admin/deletions', subjectRemovalRoutes(deps))
  app.route('/admin/subjects', subjectRoutes(deps))
  app.route('/admin/retention', retentionRoutes(deps))
  app.route('/', dashboardRoutes(deps))
  app.route('/board', boardRoutes(deps))
  app.route('/board/link', boardLinkRoutes(deps))
  app.route('/datasets', datasetRoutes(deps))
  app.route('/flows', tryFlowRoutes(deps))
  app.route('/flows', flowRoutes(deps))
  app.route('/diagram', diagramRoutes(deps))
  app.route('/runs', runRoutes(deps))
  app.route('/runs', quarantineRoutes(deps))
  app.route('/api/v1', apiRoutes(deps))
  app.route('/api/v1/tokens', tokenRoutes(deps))

  app.notFound((c) =>
    answerStatus(
      c,
      404,
      'Nothing is at this address, or it is not yours to see. Check it, or start from the overview.',
    ),
  )
  app.onError((error, c) => {
    if (error instanceof HTTPException && error.status < 500) {
      return answerStatus(
        c,
        error.status === 413 ? 413 : 400,
        'This request could not be read. Go back and try again.',
      )
    }
    if (error instanceof SlowBody) {
      return answerStatus(
        c,
        408,
        'This came too slowly, and nothing of it was kept. Try again with a better connection.',
      )
    }
    // Nobody reads this: a cancelled upload is no failure of ours, and the log says so by its status.
    if (error instanceof BrokenBody) {
      return answerStatus(
        c,
        400,
        'This broke off before it was whole, and nothing of it was kept. Send it again.',
      )
    }
    if (isUnstorableText(error)) {
      return answerStatus(
        c,
        400,
        'This request holds a character that no text can hold (a null byte). Remove it and try again.',
      )
    }
    if (error instanceof PasswordsBusy) {
      c.header('Retry-After', String(error.retryAfterSeconds))
      return answerStatus(c, 503, 'Very many people sign in right now. Wait a few seconds and try again.')
    }
    deps.log.error({ error: errorTrace(error), requestId: c.var.requestId }, 'a request failed')
    if (error instanceof VaultError && error.failure === 'sealed') {
      return answerStatus(
        c,
        503,
        c.req.path === '/sign-in/code'
          ? 'The vault is sealed, and with it the secret that the code of your app is checked against. Go back and type a recovery code instead.'
          : 'The vault is sealed: its master key is missing or wrong. An operator must restore it.',
      )
    }
    if (isNoRoom(error)) {
      return answerStatus(
        c,
        503,
        'The disk of the portal is full, so this could not be kept. An operator must make room; then try again.',
      )
    }
    if (error instanceof VaultError) {
      return answerStatus(
        c,
        500,
        'What was asked for is damaged or missing in the vault. An operator can restore it from a backup: npm run vault -- verify and npm run fsck say what it is.',
      )
    }
    return answerStatus(c, 500, 'Nothing was lost, but this could not be answered. Try again in a moment.')
  })
  return app
}
