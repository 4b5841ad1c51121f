import { pageOfForm, permissionFor } from '../../domain/auth/permissions.ts'
import type { AppContext } from '../app-context.ts'
import { answerStatus, wantsPage } from '../problem.tsx'

type Answer = Response | Promise<Response>

/** Whoever is not signed in signs in first, and comes back to the page that was asked for. */
export function askToSignIn(c: AppContext): Answer {
  if (c.req.header('HX-Request') === 'true') {
    return c.body(null, 401, { 'HX-Redirect': `/sign-in${nextOf(c.req.header('HX-Current-URL'))}` })
  }
  if (!wantsPage(c)) return answerStatus(c, 401, 'Sign in first: your session has ended or never began.')
  const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
  const { pathname, search } = new URL(c.req.url)
  const next = isRead && pathname !== '/' ? `?next=${encodeURIComponent(pathname + search)}` : ''
  return c.redirect(`/sign-in${next}`, 303)
}

/** Back to the page that asked by itself, as its part of the page is no place to go to. */
function nextOf(shown: string | undefined): string {
  if (shown === undefined || !URL.canParse(shown)) return ''
  const { pathname, search } = new URL(shown)
  return pathname === '/' ? '' : `?next=${encodeURIComponent(pathname + search)}`
}

/**
 * A form that was refused is shown at the address it was sent to, which answers nothing else: whoever loads that again,
 * or keeps it as a bookmark, comes to the page the form stands on.
 */
export function leadToForm(c: AppContext): Response | undefined {
  const { pathname, search } = new URL(c.req.url)
  const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
  const page = isRead && wantsPage(c) ? pageOfForm(pathname) : undefined
  return page === undefined ? undefined : c.redirect(withSearch(page, search), 303)
}

/** The query stands before the place in a page. */
const withSearch = (page: string, search: string): string => {
  const [path = '', place] = page.split('#')
  return `${path}${search}${place === undefined ? '' : `#${place}`}`
}

/** Whoever has to have a second factor turns it on first. */
export const askToEnrol = (c: AppContext): Answer =>
  lead(
    c,
    '/account/second-factor',
    'Your role needs a second factor. Open /account/second-factor and turn it on first.',
  )

/**
 * Password or code are given again first. What was sent with a form is not kept: the way back leads to the page it
 * stands on.
 */
export function askForProof(c: AppContext): Answer {
  c.set('isAskedAgain', true)
  if (c.var.bearer !== undefined) {
    return answerStatus(
      c,
      403,
      'This asks for password or code, which no key replaces. Sign in with a browser.',
    )
  }
  const { pathname, search } = new URL(c.req.url)
  const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
  const back = isRead
    ? pathname + search
    : permissionFor('GET', pathname) === undefined
      ? (pageOfForm(pathname)?.split('#')[0] ?? '/account')
      : pathname
  const from = shownPage(c)
  return lead(
    c,
    `/step-up?${new URLSearchParams({ next: back, ...(from === undefined ? {} : { from }) })}`,
    'Give your password or a code again first: open /step-up, then repeat this within five minutes.',
  )
}

/** The page of ours that was asked from, as the browser says it. */
function shownPage(c: AppContext): string | undefined {
  const said = c.req.header('HX-Current-URL') ?? c.req.header('Referer')
  const { origin } = c.var.client
  if (said === undefined || origin === undefined || !URL.canParse(said)) return undefined
  const { host, pathname, search } = new URL(said)
  return host === new URL(origin).host ? pathname + search : undefined
}

/** A page leads on, a program is told; to htmx the page is named that it has to open. */
function lead(c: AppContext, to: string, sentence: string): Answer {
  if (c.req.header('HX-Request') === 'true' && c.var.isProgram !== true)
    return c.body(null, 403, { 'HX-Redirect': to })
  return wantsPage(c) ? c.redirect(to, 303) : answerStatus(c, 403, sentence)
}
