import { z } from 'zod'
import type { Caller } from '../audit/entry.ts'
import { type Right, rights } from '../auth/operations.ts'
import { roles } from '../auth/user.ts'
import { ok, type Result, refuse } from '../result.ts'

/** Roles a dataset can be shared with: administrators see everything anyway. */
export const shareableRoles = roles.filter((role) => role !== 'admin')
export type ShareableRole = (typeof shareableRoles)[number]

/** As the form sends it: a role, or a person by e-mail address or name. */
export const ShareRequest = z.object({
  with: z.string().trim().max(254, 'Give the e-mail address or the name of someone who is here.'),
  role: z.enum(shareableRoles).optional().catch(undefined),
  right: z.enum(rights, 'Choose what may be done with it: read, run or manage.'),
})
export type ShareRequest = z.infer<typeof ShareRequest>

export interface Share {
  readonly id: string
  /** A person with their address, or a role. */
  readonly with: { readonly name: string; readonly email: string } | { readonly role: ShareableRole }
  readonly right: Right
}

export interface ShareStore {
  /** People of this e-mail address or name, in any letter case; the command line’s own user is none. */
  findPeople(text: string): Promise<readonly { readonly id: string }[]>
  ownerOf(datasetId: string): Promise<string | undefined>
  /** Adds the share, or changes the one there is, with its audit entry; false when the dataset was deleted meanwhile. */
  keep(caller: Caller, datasetId: string, share: NewShare): Promise<boolean>
}

export type NewShare = { readonly right: Right } & (
  | { readonly userId: string }
  | { readonly role: ShareableRole }
)

/** Shares a dataset with a person or with everybody of a role; shared before, it is shared anew. */
export async function shareDataset(
  store: ShareStore,
  caller: Caller,
  datasetId: string,
  request: ShareRequest,
): Promise<Result<void>> {
  const { role, right } = request
  const keep = async (share: NewShare): Promise<Result<void>> =>
    (await store.keep(caller, datasetId, share)) ? ok(undefined) : gone
  if (role !== undefined && request.with !== '') {
    return refuse('invalid', 'Choose a role, or name a person, but not both.', 'with')
  }
  if (role !== undefined) {
    return keep({ role, right })
  }
  if (request.with === '')
    return refuse('invalid', 'Say with whom: an e-mail address, a name, or a role.', 'with')
  const [person, ...others] = await store.findPeople(request.with)
  if (person === undefined) {
    return refuse(
      'invalid',
      `Nobody here is called “${request.with}”. Check the spelling, or use the e-mail address.`,
      'with',
    )
  }
  if (others.length > 0) {
    return refuse('invalid', `Several people are called “${request.with}”. Use the e-mail address.`, 'with')
  }
  if (person.id === (await store.ownerOf(datasetId))) {
    return refuse('invalid', 'This person owns the dataset and may do everything with it.', 'with')
  }
  return keep({ userId: person.id, right })
}

const gone = refuse(
  'not-found',
  'This dataset was deleted meanwhile. Open the list of datasets to see what is there.',
)
