import { z } from 'zod'
import type { Caller } from '../audit/entry.ts'
import { newId } from '../ids.ts'
import { ok, type Result, refuse } from '../result.ts'
import { checkPassword } from './password-policy.ts'
import { personName } from './person-name.ts'
import type { Passwords } from './sign-in.ts'
import type { SignedInUser } from './user.ts'

export const linkIsSpent =
  'This set-up link is not valid any more. If nobody was set up yet, restart Signalbox: it prints a new one.'

export const FirstAdministrator = z.object({
  token: z.string().min(1, linkIsSpent).max(200, linkIsSpent),
  name: personName('Say your name.'),
  email: z
    .string()
    .trim()
    .max(254, 'An e-mail address has at most 254 characters.')
    .pipe(z.email('This does not look like an e-mail address.')),
  password: z.string().max(1000, 'The password may have at most 128 characters.'),
})
export type FirstAdministrator = z.infer<typeof FirstAdministrator>

export interface SetUpStore {
  isOpen(secret: string): Promise<boolean>
  /** Spends the secret, adds the administrator, opens a session and records it, all or nothing; false: too late. */
  complete(
    caller: Caller,
    secret: string,
    administrator: { user: SignedInUser; passwordHash: string; browser: string },
  ): Promise<{ sessionId: string } | undefined>
}

/** Creates the first administrator with the one-time secret; of two who try at once one wins. */
export async function createFirstAdministrator(
  { store, passwords }: { store: SetUpStore; passwords: Passwords },
  caller: Caller,
  request: FirstAdministrator,
  browser: string,
  { now, random }: { now: Date; random: Uint8Array },
): Promise<Result<{ sessionId: string }>> {
  // Asked first, so that a stranger without the secret costs no hashing.
  if (!(await store.isOpen(request.token))) return refuse('forbidden', linkIsSpent)
  const password = checkPassword(request.password, request)
  if (!password.ok) return password
  const user: SignedInUser = {
    id: newId('usr', now.getTime(), random),
    name: request.name,
    email: request.email,
    role: 'admin',
  }
  const passwordHash = await passwords.hash(password.value)
  const opened = await store.complete(caller, request.token, { user, passwordHash, browser })
  return opened ? ok(opened) : refuse('forbidden', linkIsSpent)
}
