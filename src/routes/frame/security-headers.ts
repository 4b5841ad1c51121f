import { createMiddleware } from 'hono/factory'
import { secureHeaders } from 'hono/secure-headers'
import { standaloneStyleHash } from '../../domain/flows/diagram/standalone-style.ts'
import type { AppEnv } from '../app-context.ts'

/** The page on which the mermaid package draws: it writes styles into its drawing, and only there it may. */
const drawsMermaid = /^\/flows\/[^/]+\/mermaid$/
/** A picture with one style of its own. */
const isPicture = '/diagram/svg'

/**
 * Nothing inline, nothing from elsewhere, no framing. The referrer policy is `same-origin` rather than `no-referrer`,
 * because the latter makes browsers send `Origin: null` with our own forms.
 */
export const securityHeaders = (secure: boolean) => {
  const headers = (policy: { readonly defaultSrc: string[]; readonly styleSrc?: string[] }) =>
    secureHeaders({
      contentSecurityPolicy: {
        ...policy,
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        formAction: ["'self'"],
      },
      referrerPolicy: 'same-origin',
      xFrameOptions: 'DENY',
      strictTransportSecurity: secure ? 'max-age=31536000; includeSubDomains' : false,
    })
  const usual = headers({ defaultSrc: ["'self'"] })
  const drawing = headers({ defaultSrc: ["'self'"], styleSrc: ["'self'", "'unsafe-inline'"] })
  const picture = headers({ defaultSrc: ["'none'"], styleSrc: [`'sha256-${standaloneStyleHash}'`] })
  return createMiddleware<AppEnv>((c, next) => {
    const { path } = c.req
    return (path === isPicture ? picture : drawsMermaid.test(path) ? drawing : usual)(c, next)
  })
}

/** Whatever a signed-in person saw stays out of every cache; assets set their own rule. */
export const noStore = createMiddleware<AppEnv>(async (c, next) => {
  await next()
  if (!c.res.headers.has('Cache-Control')) c.header('Cache-Control', 'no-store')
})
