import type { Caller } from '../audit/entry.ts'
import { ok, type Result, refuse } from '../result.ts'
import { checkPassword } from './password-policy.ts'
import type { Passwords } from './sign-in.ts'
import type { SignedInUser } from './user.ts'

/** What a one-time link leads to: whose password is chosen, and why. */
export interface PasswordLink {
  readonly kind: 'invitation' | 'reset'
  readonly user: SignedInUser
  /** Whether a second factor will stand beside the new password. */
  readonly keepsSecondFactor: boolean
}

export interface PasswordLinkStore {
  /** The link of this token, while it is neither spent nor expired. */
  find(token: string): Promise<PasswordLink | undefined>
  /** Whose the link of this token is or was, for the log and nobody else. */
  ownerOf(token: string): Promise<string | undefined>
  /** Spends the link, sets the password, ends all sessions of its user and records it; false: too late. */
  complete(caller: Caller, token: string, passwordHash: string): Promise<boolean>
}

export const passwordLinkIsSpent =
  'This link was used already, or it has expired. Ask an administrator for a new one.'

/** Chooses a password with a one-time link. It signs nobody in: the second factor is asked for there. */
export async function choosePassword(
  { store, passwords }: { store: PasswordLinkStore; passwords: Passwords },
  caller: Caller,
  token: string,
  password: string,
): Promise<Result<void>> {
  // Asked first, so that a stranger without a link costs no hashing.
  const link = await store.find(token)
  if (link === undefined) return refuse('forbidden', passwordLinkIsSpent)
  const checked = checkPassword(password, { ...link.user, hasSecondFactor: link.keepsSecondFactor })
  if (!checked.ok) return checked
  const isDone = await store.complete(caller, token, await passwords.hash(checked.value))
  return isDone ? ok(undefined) : refuse('forbidden', passwordLinkIsSpent)
}
