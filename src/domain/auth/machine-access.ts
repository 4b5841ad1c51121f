import { createHash, timingSafeEqual } from 'node:crypto'

/** Who reads the machine endpoints (`/status`, `/diagram`, `/diagram/svg`, `/metrics`) besides people with a session. */
export interface MachineAccess {
  /** What a program sends as `Authorization: Bearer …`; undefined: no token opens them. */
  readonly token: string | undefined
  /** Everybody, who then sees states and no evidence. */
  readonly isPublic: boolean
}

/** How much is shown: `full` with evidence, `outline` states, roles and sentences only. */
export type MachineView = 'full' | 'outline'

/**
 * What whoever asks may see of the machine endpoints; undefined: nothing.
 * @param isPerson with a session that stands
 */
export function machineView(
  { token, isPublic }: MachineAccess,
  isPerson: boolean,
  authorization: string | undefined,
): MachineView | undefined {
  if (isPerson) return 'full'
  const given = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (token !== undefined && given !== undefined && isSameSecret(given, token)) return 'full'
  return isPublic ? 'outline' : undefined
}

/** Hashes have one length, so that neither the time nor an exception tells anything of the secret. */
const isSameSecret = (given: string, secret: string): boolean =>
  timingSafeEqual(sha256(given), sha256(secret))

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
