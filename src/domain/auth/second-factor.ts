import type { Caller } from '../audit/entry.ts'
import type { Result } from '../result.ts'
import type { Role, SignedInUser } from './user.ts'

/** Whether administrators and moderators have to have one; anybody may. */
const secondFactorSettings = ['required', 'optional'] as const
export type SecondFactorSetting = (typeof secondFactorSettings)[number]

/** Whether someone of this role gets no further without a second factor. */
export const needsSecondFactor = (role: Role, setting: SecondFactorSetting): boolean =>
  setting === 'required' && (role === 'admin' || role === 'moderator')

/** A password alone has to be long; beside a second factor it may be shorter (ASVS 5.0 section 6.2). */
export const leastPasswordLength = (hasSecondFactor: boolean): number => (hasSecondFactor ? 8 : 15)

export interface Enrolment {
  /** For typing. */
  readonly base32: string
  /** For an app that opens links. */
  readonly uri: string
}

/** Second factors: secrets sealed, recovery codes hashed, no code taken twice. Every change carries its audit entry. */
export interface SecondFactors {
  /** Whether a code is asked for at sign-in, and how many recovery codes are left. */
  statusOf(userId: string): Promise<{ readonly isOn: boolean; readonly codesLeft: number }>
  /** A secret to be put into an app; the same until a code confirmed it. Refused while one is on. */
  begin(user: SignedInUser): Promise<Result<Enrolment>>
  /** Turns it on with a first code, and answers the recovery codes: the only time they are seen. */
  confirm(caller: Caller, user: SignedInUser, code: string): Promise<Result<readonly string[]>>
  /** Takes a code of the app, or a recovery code; each once. */
  take(userId: string, code: string): Promise<boolean>
  /** New recovery codes in place of the old; refused without a second factor. */
  renewCodes(caller: Caller, user: SignedInUser): Promise<Result<readonly string[]>>
  /** Turns it off. */
  remove(caller: Caller, user: SignedInUser): Promise<void>
}
