import { Hono } from 'hono'
import { z } from 'zod'
import { mailLink } from '../db/mail-link.ts'
import { changeRole, disable, enable, endSessionsOf, invite, issueResetLink } from '../db/people.ts'
import { listPeople } from '../db/people-list.ts'
import { endAnySession, listAllSessions } from '../db/sessions.ts'
import type { IssuedLink } from '../domain/auth/link-letter.ts'
import { operationNames, operationOf } from '../domain/auth/operations.ts'
import { Invitation, personStates } from '../domain/auth/people.ts'
import { roles } from '../domain/auth/user.ts'
import type { Result } from '../domain/result.ts'
import { firstAdminPage } from '../views/admin/admin-tabs.tsx'
import { peopleHref } from '../views/admin/people-filter.tsx'
import { PermissionsPage } from '../views/admin/permissions-page.tsx'
import { SessionsPage } from '../views/admin/sessions-page.tsx'
import { type ShownLink, UsersPage } from '../views/admin/users-page.tsx'
import type { FormProblem } from '../views/components/error-summary.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { answerProblem, statusOf, wantsPage } from './problem.tsx'

const Typed = z.object({
  name: z.string().catch(''),
  email: z.string().catch(''),
  role: z.string().catch('user'),
})
const RoleForm = z.object({ role: z.enum(roles) })
const text = z.string().trim().min(1).max(200).optional().catch(undefined)
const SessionsQuery = z.object({ q: text, user: text })
const PeopleQuery = z.object({
  q: text,
  role: z.enum(roles).optional().catch(undefined),
  state: z.enum(personStates).optional().catch(undefined),
  after: text,
  before: text,
})
/** The part of the list that is shown, or that a form was sent from. */
const listOf = (c: AppContext) => PeopleQuery.parse(c.req.query())

/** Administration: where it begins, people, the permission table, sessions. */
export function adminRoutes(deps: AppDeps) {
  const { db, clock, config, mail } = deps

  const usersPage = async (
    c: AppContext,
    more: {
      link?: ShownLink
      typed?: z.infer<typeof Typed>
      problems?: readonly FormProblem[]
    } = {},
  ) => {
    const filter = listOf(c)
    return c.html(
      <UsersPage
        {...frameOf(c)}
        page={await listPeople(db, filter, clock())}
        filter={filter}
        hasMail={mail !== undefined}
        {...more}
        now={clock()}
      />,
      more.problems === undefined ? 200 : statusOf.invalid,
    )
  }
  /** The list with the link that was just made, after it was mailed where that is set up. */
  const showLink = async (c: AppContext, link: IssuedLink) => {
    const href = `${config.publicUrl.replace(/\/$/, '')}/new-password?token=${link.token}`
    const mailed = mail === undefined ? undefined : await mailLink({ db, mail }, c.var.caller, link, href)
    return usersPage(c, { link: { for: link.name, email: link.email, href, mailed } })
  }
  /** Back to where they stand in the list, or why not. */
  const answer = (c: AppContext, result: Result<void>) =>
    result.ok
      ? c.redirect(`${peopleHref('', listOf(c))}#${c.req.param('userId')}`, 303)
      : answerProblem(c, result.problem)

  return new Hono<AppEnv>()
    .get('/', (c) => c.redirect(firstAdminPage(c.var.user.role), 303))
    .get('/users', (c) => usersPage(c))
    .post('/users', async (c) => {
      const typed = Typed.parse(await c.req.parseBody())
      const asked = Invitation.safeParse(typed)
      if (!asked.success) {
        const problems = asked.error.issues.map(({ path, message }) => ({ field: String(path[0]), message }))
        return usersPage(c, { typed, problems })
      }
      const invited = await invite(deps, c.var.caller, asked.data)
      if (invited.ok) return showLink(c, invited.value)
      if (!wantsPage(c)) return answerProblem(c, invited.problem)
      return usersPage(c, { typed, problems: [invited.problem] })
    })
    .post('/users/:userId/role', async (c) => {
      const form = RoleForm.safeParse(await c.req.parseBody())
      if (!form.success) return answerProblem(c, unknownRole)
      return answer(c, await changeRole(deps, c.var.caller, c.req.param('userId'), form.data.role))
    })
    .post('/users/:userId/disabling', async (c) =>
      answer(c, await disable(deps, c.var.caller, c.req.param('userId'))),
    )
    .post('/users/:userId/enabling', async (c) =>
      answer(c, await enable(deps, c.var.caller, c.req.param('userId'))),
    )
    .post('/users/:userId/sign-out', async (c) =>
      answer(c, await endSessionsOf(deps, c.var.caller, c.req.param('userId'))),
    )
    .post('/users/:userId/reset-link', async (c) => {
      const drops = (await c.req.parseBody())['second-factor'] === '1'
      const made = await issueResetLink(deps, c.var.caller, c.req.param('userId'), drops)
      return made.ok ? showLink(c, made.value) : answerProblem(c, made.problem)
    })
    .get('/permissions', (c) => {
      const operations = operationNames.map((name) => ({ name, ...operationOf(name) }))
      return c.html(<PermissionsPage {...frameOf(c)} operations={operations} />)
    })
    .get('/sessions', async (c) => {
      const { q, user } = SessionsQuery.parse(c.req.query())
      const found = await listAllSessions(db, { q, userId: user }, clock())
      return c.html(
        <SessionsPage {...frameOf(c)} {...found} q={q} current={c.var.sessionHash} now={clock()} />,
      )
    })
    .post('/sessions/:sessionId/revocation', async (c) => {
      const ended = await endAnySession(db, c.var.caller, c.req.param('sessionId'))
      return ended ? c.redirect('/admin/sessions', 303) : answerProblem(c, endedAlready)
    })
}

const unknownRole = { kind: 'invalid', message: 'Choose one of the four roles.', field: 'role' } as const
const endedAlready = { kind: 'not-found', message: 'This session has already ended.' } as const
