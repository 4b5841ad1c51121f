import { Hono } from 'hono'
import { confirmRemoval, discardRemoval } from '../db/confirm-removal.ts'
import { findDeletion } from '../db/deletions.ts'
import { countSearchable, requestSearch } from '../db/subject-search.ts'
import { normalSubject } from '../domain/deletion/subject.ts'
import { SubjectsPage } from '../views/admin/subjects-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { answerProblem, statusOf, wantsPage } from './problem.tsx'

const longest = 1_000

/** `/admin/subjects`: the search for a subject. Its id comes in a body and goes no further than a keyed hash. */
export function subjectRoutes(deps: AppDeps) {
  const page = async (c: AppContext, problems?: Parameters<typeof SubjectsPage>[0]['problems']) =>
    c.html(
      <SubjectsPage
        {...frameOf(c)}
        unsearched={(await countSearchable(deps.db)).unsearched}
        problems={problems}
      />,
      problems === undefined ? 200 : statusOf.invalid,
    )
  return new Hono<AppEnv>()
    .get('/', (c) => page(c))
    .post('/', async (c) => {
      const { subject } = await c.req.parseBody()
      const asked = typeof subject === 'string' && subject.length <= longest ? normalSubject(subject) : ''
      if (asked === '') return wantsPage(c) ? page(c, [missing]) : answerProblem(c, missing)
      const id = await requestSearch(deps, c.var.caller, asked)
      await deps.beginDeletion?.(id)
      return c.redirect(`/admin/deletions/${id}`, 303)
    })
}

/** What follows a search, at the address of its deletion. */
export function subjectRemovalRoutes(deps: AppDeps) {
  const isThere = async (c: AppContext, id: string) =>
    (await findDeletion(deps.db, c.var.user, id))?.kind === 'subject'
  return new Hono<AppEnv>()
    .post('/:deletionId/confirmation', async (c) => {
      const id = c.req.param('deletionId')
      if (!(await isThere(c, id))) return answerProblem(c, gone)
      const confirmed = await confirmRemoval(deps, c.var.caller, id)
      if (!confirmed.ok) return answerProblem(c, confirmed.problem)
      await deps.beginDeletion?.(id)
      return c.redirect(`/admin/deletions/${id}`, 303)
    })
    .post('/:deletionId/discarding', async (c) => {
      const id = c.req.param('deletionId')
      if (!(await isThere(c, id))) return answerProblem(c, gone)
      const discarded = await discardRemoval(deps, c.var.caller, id)
      return discarded.ok ? c.redirect(`/admin/deletions/${id}`, 303) : answerProblem(c, discarded.problem)
    })
}

const missing = {
  kind: 'invalid',
  message: 'Give the subject id as the sources say it, in at most 1,000 characters.',
  field: 'subject',
} as const
const gone = {
  kind: 'not-found',
  message:
    'Nothing is at this address, or it is not yours to see. Check it, or start from the list of deletions.',
} as const
