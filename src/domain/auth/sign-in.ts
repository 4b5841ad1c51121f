import type { Caller } from '../audit/entry.ts'
import { networkOfClient } from '../network/addresses.ts'
import type { SecondFactors } from './second-factor.ts'
import type { SignedInUser } from './user.ts'

export interface Passwords {
  hash(password: string): Promise<string>
  /** Takes as long when `hash` is undefined, so that time does not tell whether an account exists. */
  verify(hash: string | undefined, password: string): Promise<boolean>
}

/** More passwords wait to be looked at than may: thrown, because nobody did anything wrong. */
export class PasswordsBusy extends Error {
  readonly retryAfterSeconds = 5
  constructor() {
    super('too many passwords wait to be looked at')
    this.name = 'PasswordsBusy'
  }
}

/** Where attempts are counted and sessions opened. Every change carries its audit entry. */
export interface SignInStore {
  /** Counts one attempt against each subject, or answers how long to wait when one of them is being slowed. */
  reserveAttempt(subjects: readonly AttemptSubject[], now: Date): Promise<{ waitSeconds: number }>
  /** Takes counted attempts back: nothing was tried. */
  takeAttemptBack(subjects: readonly AttemptSubject[]): Promise<void>
  findAccount(email: string): Promise<Account | undefined>
  /** Whose address it is, also when they may not sign in any more. */
  findUserId(email: string): Promise<string | undefined>
  /**
   * Remembers for a few minutes that the password was right and takes the attempt back; answers a token for the form.
   * Undefined when the account was disabled or given another password while this one was looked at.
   */
  openChallenge(account: Proven, subjects: readonly AttemptSubject[]): Promise<string | undefined>
  /** Whose password was right, while the token lasts. */
  findChallenge(token: string): Promise<Proven | undefined>
  /**
   * Opens a new session, takes the attempt back and records the sign-in; answers the session id for the cookie.
   * Undefined when the account was disabled or given another password since its own was looked at.
   */
  open(
    caller: Caller,
    account: Proven,
    subjects: readonly AttemptSubject[],
    browser: string,
  ): Promise<string | undefined>
  recordRefusal(caller: Caller, userId: string | undefined): Promise<void>
}

/** Somebody, and the password that was found to be right: what comes of it holds only while that is still the one. */
export interface Proven {
  readonly user: SignedInUser
  readonly passwordHash: string
}

export interface Account extends Proven {
  readonly hasSecondFactor: boolean
}

/** What attempts are counted by: free attempts first, then a wait that doubles. */
export interface AttemptSubject {
  readonly name: string
  readonly freeAttempts: number
  /** A success wipes the count of an account, but only takes one attempt back from a shared address. */
  readonly clearedBySuccess: boolean
}

export type SignInAnswer =
  | { readonly kind: 'signed-in'; readonly sessionId: string; readonly user: SignedInUser }
  | { readonly kind: 'code-needed'; readonly challenge: string }
  | { readonly kind: 'refused' }
  /** Nothing was looked at; whose account it would have been is for the audit log alone. */
  | { readonly kind: 'slowed'; readonly waitSeconds: number; readonly userId: string | undefined }

/** Signs someone in. An unknown address and a wrong password get the same answer in the same time. */
export async function signIn(
  { store, passwords }: { store: SignInStore; passwords: Passwords },
  caller: Caller,
  request: { email: string; password: string; browser: string },
  now: Date,
): Promise<SignInAnswer> {
  const subjects = attemptSubjects(request.email, caller.address)
  // Counted before the password is looked at: many guesses at once get no further than one after the other.
  const { waitSeconds } = await store.reserveAttempt(subjects, now)
  if (waitSeconds > 0) return { kind: 'slowed', waitSeconds, userId: await store.findUserId(request.email) }
  const account = await store.findAccount(request.email)
  const verified = await verifyAttempt({ store, passwords }, account, request.password, subjects)
  if (verified && account?.hasSecondFactor) {
    const challenge = await store.openChallenge(account, subjects)
    if (challenge !== undefined) return { kind: 'code-needed', challenge }
  } else if (verified && account) {
    const sessionId = await store.open(caller, account, subjects, request.browser)
    if (sessionId !== undefined) return { kind: 'signed-in', sessionId, user: account.user }
  }
  // Looked up for every refusal, so that none takes longer than another.
  await store.recordRefusal(caller, await store.findUserId(request.email))
  return { kind: 'refused' }
}

/** Whether the password is right. That nobody looked at it is no failure of whoever sent it. */
const verifyAttempt = (
  { store, passwords }: { store: Pick<SignInStore, 'takeAttemptBack'>; passwords: Passwords },
  account: Account | undefined,
  password: string,
  subjects: readonly AttemptSubject[],
): Promise<boolean> =>
  passwords.verify(account?.passwordHash, password).catch(async (error) => {
    await store.takeAttemptBack(subjects)
    throw error
  })

/** The second half of a sign-in: a code of the app, or a recovery code. `expired`: begin again with the password. */
export async function signInWithCode(
  { store, factors }: { store: SignInStore; factors: Pick<SecondFactors, 'take'> },
  caller: Caller,
  request: { challenge: string; code: string; browser: string },
  now: Date,
): Promise<Exclude<SignInAnswer, { kind: 'code-needed' }> | { readonly kind: 'expired' }> {
  const account = await store.findChallenge(request.challenge)
  if (account === undefined) return { kind: 'expired' }
  const { user } = account
  const subjects = [codeSubject(user.id)]
  const { waitSeconds } = await store.reserveAttempt(subjects, now)
  if (waitSeconds > 0) return { kind: 'slowed', waitSeconds, userId: user.id }
  if (!(await factors.take(user.id, request.code))) {
    await store.recordRefusal(caller, user.id)
    return { kind: 'refused' }
  }
  const sessionId = await store.open(caller, account, subjects, request.browser)
  return sessionId === undefined ? { kind: 'expired' } : { kind: 'signed-in', sessionId, user }
}

/**
 * Proves once more that it is the person whose session it is, with the password or a code. What was counted is taken
 * back by whoever goes on from `proven`.
 * Slowed like a sign-in, by the same counts.
 */
export async function confirmIdentity(
  {
    store,
    passwords,
    factors,
  }: { store: SignInStore; passwords: Passwords; factors: Pick<SecondFactors, 'take'> },
  caller: Caller,
  user: SignedInUser,
  given: { password: string; code: string },
  now: Date,
): Promise<
  | { readonly kind: 'proven'; readonly subjects: readonly AttemptSubject[] }
  | Extract<SignInAnswer, { kind: 'refused' | 'slowed' }>
> {
  const isCode = given.code !== ''
  const subjects = isCode ? [codeSubject(user.id)] : attemptSubjects(user.email, caller.address)
  const { waitSeconds } = await store.reserveAttempt(subjects, now)
  if (waitSeconds > 0) return { kind: 'slowed', waitSeconds, userId: user.id }
  const account = isCode ? undefined : await store.findAccount(user.email)
  const isRight = isCode
    ? await factors.take(user.id, given.code)
    : await verifyAttempt({ store, passwords }, account, given.password, subjects)
  return isRight ? { kind: 'proven', subjects } : { kind: 'refused' }
}

const codeSubject = (userId: string): AttemptSubject => ({
  name: `second factor:${userId}`,
  freeAttempts: 5,
  clearedBySuccess: true,
})

/**
 * One subject for the account named, whether it exists or not, and one for the client's address; of IPv6 for its network,
 * because whoever has one address of it has all.
 */
function attemptSubjects(email: string, address: string | undefined): AttemptSubject[] {
  const account = { name: `account:${email.trim().toLowerCase()}`, freeAttempts: 5, clearedBySuccess: true }
  if (address === undefined) return [account]
  return [account, { name: `address:${networkOfClient(address)}`, freeAttempts: 20, clearedBySuccess: false }]
}

const longestWaitSeconds = 15 * 60

/** How long to wait after this many failures: nothing for the free ones, then 1, 2, 4 … seconds up to 15 minutes. */
export const waitAfter = (failures: number, freeAttempts: number): number =>
  failures < freeAttempts ? 0 : Math.min(2 ** (failures - freeAttempts), longestWaitSeconds)

/** Failures older than this are forgotten. */
export const failuresForgottenAfterMs = 60 * 60 * 1000
