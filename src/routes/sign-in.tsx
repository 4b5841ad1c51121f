import { Hono } from 'hono'
import { z } from 'zod'
import { endSession, sessionKeeper } from '../db/sessions.ts'
import { signInStore } from '../db/sign-in.ts'
import { type Passwords, signIn } from '../domain/auth/sign-in.ts'
import { SignInPage } from '../views/sign-in.tsx'
import type { AppDeps, AppEnv } from './app-context.ts'
import { setCookie } from './frame/access.ts'

const SignInForm = z.object({
  email: z.string().max(254),
  password: z.string().max(1000),
  next: z.string().max(2000).optional(),
})

const refused = 'E-mail address and password do not match an account. Check both and try again.'

/** The sign-in form. */
export function signInRoutes(deps: AppDeps, passwords: Passwords) {
  const options = { secure: deps.config.secureCookies, clock: deps.clock }
  const store = signInStore(deps.db, options)
  const keeper = sessionKeeper(deps.db, options)
  return new Hono<AppEnv>()
    .get('/', (c) => {
      const next = localPath(c.req.query('next'))
      if (c.var.viewer) return c.redirect(next ?? '/', 303)
      return c.html(<SignInPage next={next} />)
    })
    .post('/', async (c) => {
      const form = SignInForm.safeParse(await c.req.parseBody())
      if (!form.success) return c.html(<SignInPage problem={refused} />, 422)
      const { email, password } = form.data
      const next = localPath(form.data.next)
      const browser = c.req.header('User-Agent') ?? ''
      const ports = { store, passwords }
      const answer = await signIn(ports, c.var.caller, { email, password, browser }, deps.clock())
      if (answer.kind === 'slowed') {
        c.header('Retry-After', String(answer.waitSeconds))
        const problem = `Too many attempts. Wait ${inWords(answer.waitSeconds)} and try again.`
        return c.html(<SignInPage email={email} problem={problem} next={next} />, 429)
      }
      if (answer.kind === 'refused') {
        return c.html(<SignInPage email={email} problem={refused} next={next} />, 422)
      }
      // Whatever session this browser had before is over: a new sign-in never continues an old id.
      if (c.var.sessionHash !== undefined && c.var.viewer) {
        await endSession(deps.db, c.var.caller, c.var.viewer, c.var.sessionHash, 'session.end')
      }
      setCookie(c, keeper.createSessionCookie(answer.sessionId).serialize())
      return c.redirect(next ?? '/', 303)
    })
}

/** A path on this site, or nothing: what comes with a link must not lead elsewhere. */
function localPath(next: string | undefined): string | undefined {
  if (next === undefined || !next.startsWith('/')) return undefined
  const base = 'http://signalbox.invalid'
  if (!URL.canParse(next, base)) return undefined
  const url = new URL(next, base)
  return url.origin === base ? url.pathname + url.search : undefined
}

const inWords = (seconds: number) =>
  seconds < 90 ? `${seconds} ${seconds === 1 ? 'second' : 'seconds'}` : `${Math.ceil(seconds / 60)} minutes`
