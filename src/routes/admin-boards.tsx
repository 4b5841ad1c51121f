import { Hono } from 'hono'
import { z } from 'zod'
import { createBoardLink, listBoardLinks, revokeBoardLink } from '../db/board-links.ts'
import { BoardLinkRequest } from '../domain/flows/board/board-link.ts'
import { BoardsPage } from '../views/admin/boards-page.tsx'
import type { FormProblem } from '../views/components/error-summary.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { answerProblem, answerStatus, statusOf, wantsPage } from './problem.tsx'

const Typed = z.object({
  name: z.string().catch(''),
  flow: z.string().catch(''),
  days: z.string().catch(''),
})

/** Board links: what stands, making one, revoking one. */
export function adminBoardRoutes(deps: AppDeps) {
  const { db, clock, config, flows } = deps

  const page = async (
    c: AppContext,
    more: {
      link?: { for: string; href: string }
      typed?: z.infer<typeof Typed>
      problems?: readonly FormProblem[]
    } = {},
  ) =>
    c.html(
      <BoardsPage
        {...frameOf(c)}
        links={await listBoardLinks(db)}
        flows={flows.list().map(({ id, flow }) => ({ id, name: flow.name }))}
        {...more}
        now={clock()}
      />,
      more.problems === undefined ? 200 : statusOf.invalid,
    )

  return new Hono<AppEnv>()
    .get('/', (c) => page(c))
    .post('/', async (c) => {
      const typed = Typed.parse(await c.req.parseBody())
      const asked = BoardLinkRequest.safeParse(typed)
      const problems: FormProblem[] = asked.success
        ? []
        : asked.error.issues.map((issue) => ({ field: String(issue.path[0]), message: issue.message }))
      if (asked.success && asked.data.flow !== undefined && flows.picture(asked.data.flow) === undefined) {
        problems.push({ field: 'flow', message: 'No flow of this name is watched. Choose another one.' })
      }
      if (!asked.success || problems.length > 0) {
        const [first] = problems
        if (!wantsPage(c) && first !== undefined) return answerProblem(c, { kind: 'invalid', ...first })
        return page(c, { typed, problems })
      }
      const { token } = await createBoardLink(deps, c.var.caller, asked.data)
      const href = `${config.publicUrl.replace(/\/$/, '')}/board/link/${token}`
      return page(c, { link: { for: asked.data.name, href } })
    })
    .post('/:linkId/revocation', async (c) =>
      (await revokeBoardLink(deps, c.var.caller, c.req.param('linkId')))
        ? c.redirect('/admin/boards', 303)
        : answerStatus(c, 404, 'This link was revoked already, or never was. Open the page again.'),
    )
}
