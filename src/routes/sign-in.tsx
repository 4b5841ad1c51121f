import { Hono } from 'hono'
import { z } from 'zod'
import { secondFactorStore } from '../db/second-factors.ts'
import { endSession, sessionKeeper } from '../db/sessions.ts'
import { signInStore } from '../db/sign-in.ts'
import { type Passwords, signIn, signInWithCode } from '../domain/auth/sign-in.ts'
import { SignInPage } from '../views/sign-in.tsx'
import { SignInCodePage } from '../views/sign-in-code.tsx'
import type { AppContext, AppDeps, AppEnv } from './app-context.ts'
import { setCookie } from './frame/access.ts'
import { localPath } from './frame/local-path.ts'
import { answerSlowed } from './frame/too-many.ts'

const SignInForm = z.object({
  email: z.string().max(254),
  password: z.string().max(1000),
  next: z.string().max(2000).optional(),
})

const refused = 'E-mail address and password do not match an account. Check both and try again.'

const CodeForm = z.object({
  challenge: z.string().max(100),
  code: z.string().max(60),
  next: z.string().max(2000).optional(),
})

const wrongCode = 'This code does not match, or it was used already. Wait for the next one and try again.'
const expired = 'That took too long. Give your password again.'

/** The sign-in form, and the code after it where there is a second factor. */
export function signInRoutes(deps: AppDeps, passwords: Passwords) {
  const options = { secure: deps.config.secureCookies, clock: deps.clock, random: deps.random }
  const store = signInStore(deps.db, options)
  const factors = secondFactorStore(deps)
  const keeper = sessionKeeper(deps.db, options)

  const enter = async (c: AppContext, sessionId: string, next: string | undefined) => {
    // Whatever session this browser had before is over: a new sign-in never continues an old id.
    if (c.var.sessionHash !== undefined && c.var.viewer) {
      await endSession(deps.db, c.var.caller, c.var.viewer, c.var.sessionHash, 'session.end')
    }
    setCookie(c, keeper.createSessionCookie(sessionId).serialize())
    return c.redirect(next ?? '/', 303)
  }

  return new Hono<AppEnv>()
    .get('/', (c) => {
      const next = localPath(c.req.query('next'))
      if (c.var.viewer) return c.redirect(next ?? '/', 303)
      return c.html(<SignInPage next={next} isPasswordKept={c.req.query('notice') === 'password-kept'} />)
    })
    .post('/', async (c) => {
      const form = SignInForm.safeParse(await c.req.parseBody())
      if (!form.success) return c.html(<SignInPage problem={refused} />, 422)
      const { email, password } = form.data
      const next = localPath(form.data.next)
      const browser = c.req.header('User-Agent') ?? ''
      const ports = { store, passwords }
      const answer = await signIn(ports, c.var.caller, { email, password, browser }, deps.clock())
      switch (answer.kind) {
        case 'slowed':
          return answerSlowed(c, answer, (sentence) =>
            c.html(<SignInPage email={email} problem={sentence} next={next} />, 429),
          )
        case 'refused':
          return c.html(<SignInPage email={email} problem={refused} next={next} />, 422)
        case 'code-needed':
          return c.html(<SignInCodePage challenge={answer.challenge} next={next} />)
        case 'signed-in':
          return enter(c, answer.sessionId, next)
      }
    })
    .post('/code', async (c) => {
      const form = CodeForm.safeParse(await c.req.parseBody())
      if (!form.success) return c.html(<SignInPage problem={expired} />, 422)
      const { challenge, code } = form.data
      const next = localPath(form.data.next)
      const browser = c.req.header('User-Agent') ?? ''
      const ports = { store, factors }
      const answer = await signInWithCode(ports, c.var.caller, { challenge, code, browser }, deps.clock())
      switch (answer.kind) {
        case 'slowed':
          return answerSlowed(c, answer, (sentence) =>
            c.html(<SignInCodePage challenge={challenge} problem={sentence} next={next} />, 429),
          )
        case 'refused':
          return c.html(<SignInCodePage challenge={challenge} problem={wrongCode} next={next} />, 422)
        case 'expired':
          return c.html(<SignInPage problem={expired} next={next} />, 422)
        case 'signed-in':
          return enter(c, answer.sessionId, next)
      }
    })
}
