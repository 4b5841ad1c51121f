import { Hono } from 'hono'
import { z } from 'zod'
import { findDeletion, listDeletions } from '../db/deletions.ts'
import { countSearchable } from '../db/subject-search.ts'
import { certificateOf, isInVain } from '../domain/deletion/deletion.ts'
import { DeletionPage } from '../views/deletions/deletion-page.tsx'
import { DeletionsPage } from '../views/deletions/deletions-page.tsx'
import { type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { answerProblem } from './problem.tsx'

const ListQuery = z.object({ page: z.coerce.number().int().min(1).max(100_000).catch(1) })

/** Deletions and their certificates. */
export function deletionRoutes({ db, clock }: AppDeps) {
  return new Hono<AppEnv>()
    .get('/', async (c) => {
      const { page } = ListQuery.parse(c.req.query())
      const deletions = await listDeletions(db, c.var.user, page)
      return c.html(<DeletionsPage {...frameOf(c)} deletions={deletions} now={clock()} />)
    })
    .get('/:deletionId', async (c) => {
      const deletion = await findDeletion(db, c.var.user, c.req.param('deletionId'))
      if (deletion === undefined) return answerProblem(c, gone)
      return c.html(
        <DeletionPage
          {...frameOf(c)}
          deletion={deletion}
          scope={isInVain(deletion) ? await countSearchable(db) : undefined}
          canConfirm={c.var.may('subject.delete')}
          now={clock()}
        />,
      )
    })
    .get('/:deletionId/certificate', async (c) => {
      const deletion = await findDeletion(db, c.var.user, c.req.param('deletionId'))
      if (deletion === undefined) return answerProblem(c, gone)
      if (deletion.status !== 'done') return answerProblem(c, unfinished)
      c.header('Content-Disposition', `attachment; filename="${deletion.id}.json"`)
      c.header('Content-Type', 'application/json')
      return c.body(`${JSON.stringify(certificateOf(deletion), null, 2)}\n`)
    })
}

const gone = {
  kind: 'not-found',
  message:
    'Nothing is at this address, or it is not yours to see. Check it, or start from the list of deletions.',
} as const
const unfinished = {
  kind: 'conflict',
  message: 'This deletion is not finished, so there is no certificate yet. Wait for its end.',
} as const
