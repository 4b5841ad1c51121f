import { rightOver } from '../db/visibility.ts'
import { decide, type OperationName } from '../domain/auth/operations.ts'
import { seesEverything } from '../domain/datasets/access.ts'
import type { AppContext, AppDeps } from './app-context.ts'
import { answerProblem } from './problem.tsx'

/**
 * Datasets that a request names elsewhere than in its path, which is all that access looks at: undefined when whoever asks
 * may do it to each of them, else the refusal. It is the same as of a path, and on record like one.
 */
export async function refuseNamed(
  c: AppContext,
  { db }: Pick<AppDeps, 'db'>,
  operation: OperationName,
  datasetIds: readonly string[],
): Promise<Response | undefined> {
  const { user } = c.var
  for (const id of datasetIds) {
    const held = isDatasetId(id) ? await rightOver(db, user, { kind: 'dataset', id }) : undefined
    const decision = decide(user.role, operation, held)
    if (decision === 'allowed') continue
    if (decision === 'forbidden' || !seesEverything(user)) refusedDataset(c, id)
    return answerProblem(c, decision === 'forbidden' ? notForThat : gone)
  }
  return undefined
}

/** Has it written down that a dataset was asked for in vain; of what is no id only that there was something. */
export const refusedDataset = (c: AppContext, id: string): void =>
  c.set('refused', { type: 'dataset', id: isDatasetId(id) ? id : undefined })

const isDatasetId = (text: string): boolean => /^ds_\w{1,64}$/.test(text)

const gone = {
  kind: 'not-found',
  message:
    'A dataset that was chosen is not there, or is not yours to see. Choose again in the list of datasets.',
} as const
const notForThat = {
  kind: 'forbidden',
  message:
    'A dataset that was chosen was shared with you, but not for that. Leave it out, or ask whoever owns it for more.',
} as const
