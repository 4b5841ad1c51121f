import { STATUS_CODES } from 'node:http'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Problem } from '../domain/result.ts'
import { Notice } from '../views/components/notice.tsx'
import { ProblemPage } from '../views/problem-page.tsx'
import { type AppContext, frameOf } from './app-context.ts'

/** The status of each kind of refusal; said here and nowhere else. */
export const statusOf = {
  invalid: 422,
  'not-found': 404,
  conflict: 409,
  forbidden: 403,
  unsupported: 415,
  'too-large': 413,
  unavailable: 503,
} as const satisfies Record<Problem['kind'], ContentfulStatusCode>

/** A refusal in the caller's language: a fragment to htmx, a page to a browser, JSON (RFC 9457) to anything else. */
export const answerProblem = (c: AppContext, problem: Problem): Response | Promise<Response> =>
  answerStatus(c, statusOf[problem.kind], problem.message, problem.field)

/** A one-time link that was used, or whose time is over: nothing is wrong with who opened it. */
export function answerSpentLink(c: AppContext, problem: Problem): Response | Promise<Response> {
  if (problem.kind !== 'forbidden' || !wantsPage(c)) return answerProblem(c, problem)
  const { viewer } = frameOf(c)
  const page = (
    <ProblemPage
      status={statusOf.forbidden}
      title="This link no longer works"
      message={problem.message}
      viewer={viewer}
    />
  )
  return c.html(page, statusOf.forbidden)
}

/** The same for statuses that are no refusal of the domain: 401, 429, 500. */
export function answerStatus(
  c: AppContext,
  status: ContentfulStatusCode,
  message: string,
  field?: string,
  problemType?: ProblemType,
): Response | Promise<Response> {
  const requestId = c.var.requestId
  if (c.req.header('HX-Request') === 'true' && c.var.isProgram !== true) {
    return c.html(
      // A partial is swapped whatever the status (htmx reference section 7).
      <hx-partial hx-target="#main" hx-swap="afterbegin">
        <Notice state="failed">{message}</Notice>
      </hx-partial>,
      status,
    )
  }
  if (wantsPage(c)) {
    const { viewer } = frameOf(c)
    const shown = status >= 500 ? requestId : undefined
    return c.html(<ProblemPage status={status} message={message} requestId={shown} viewer={viewer} />, status)
  }
  return answerDetails(c, status, message, field, problemType)
}

/** The same in RFC 9457 whatever the caller would like: for addresses that no person looks at. */
export function answerDetails(
  c: AppContext,
  status: ContentfulStatusCode,
  message: string,
  field?: string,
  problemType: ProblemType = blank(status),
): Response {
  // `detail` is the standard's name; `message` is what our own script reads.
  const body = { ...problemType, status, detail: message, message, field, requestId: c.var.requestId }
  return c.body(JSON.stringify(body), status, { 'Content-Type': 'application/problem+json' })
}

/** A problem that is no more than its status; RFC 9457 section 4.2.1 wishes its phrase as the title. */
const blank = (status: ContentfulStatusCode): ProblemType => {
  const title = STATUS_CODES[status]
  return { type: 'about:blank', ...(title === undefined ? {} : { title }) }
}

/** What RFC 9457 calls a problem type, with the members it adds. */
interface ProblemType {
  readonly type: string
  readonly title?: string
  readonly [member: string]: string | readonly string[] | undefined
}

/** 429, with the problem type that draft-ietf-httpapi-ratelimit-headers-10 registers for it. */
export const answerQuotaExceeded = (c: AppContext, message: string, policy: string) =>
  answerStatus(c, 429, message, undefined, {
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    title: 'Too many requests',
    'violated-policies': [policy],
  })

/** Whether a person is looking: browsers ask for HTML when they navigate, and send no keys. */
export const wantsPage = (c: AppContext): boolean =>
  c.var.isProgram !== true && (c.req.header('Accept') ?? '').includes('text/html')

declare module 'hono/jsx' {
  namespace JSX {
    interface IntrinsicElements {
      'hx-partial': { 'hx-target': string; 'hx-swap'?: string; children?: unknown }
    }
  }
}
