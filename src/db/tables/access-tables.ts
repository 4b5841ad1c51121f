import type { Generated } from 'kysely'
import type { Right } from '../../domain/auth/operations.ts'
import type { ScopeName } from '../../domain/auth/scopes.ts'
import type { Role } from '../../domain/auth/user.ts'

/** People, how they get in, and what they may. */
export interface AccessTables {
  users: {
    id: string
    email: string
    name: string
    passwordHash: string
    role: Role
    createdAt: Date
    disabledAt: Date | null
    hasShortcuts: Generated<boolean>
  }
  sessions: {
    /** SHA-256 (hex) of the session id in the cookie. */
    id: string
    userId: string
    expiresAt: Date
    absoluteExpiresAt: Date
    createdAt: Date
    lastSeenAt: Date
    userAgent: Generated<string>
    /** When password or code were last given. */
    steppedUpAt: Date
  }
  /** What a dataset's owner lets someone, or everybody of a role, do with it. */
  shares: {
    id: string
    datasetId: string
    userId: string | null
    role: Exclude<Role, 'admin'> | null
    given: Right
    madeBy: string
    madeAt: Date
  }
  secondFactors: {
    userId: string
    /** AES-256-GCM under a key derived in the vault. */
    sealedSecret: Buffer
    createdAt: Date
    /** When a first code proved that it works; until then it is not asked for. */
    confirmedAt: Date | null
    /** The last time step a code was taken of: none is taken twice. */
    lastStep: Generated<number>
  }
  recoveryCodes: { userId: string; codeHash: string; usedAt: Date | null }
  /** Password given, code still to come. */
  signInChallenges: { tokenHash: string; userId: string; expiresAt: Date }
  passwordLinks: {
    tokenHash: string
    userId: string
    kind: 'invitation' | 'reset'
    dropsSecondFactor: Generated<boolean>
    madeBy: string
    createdAt: Date
    expiresAt: Date
    usedAt: Date | null
  }
  boardLinks: {
    id: string
    name: string
    /** null: the boards of all flows. */
    flowId: string | null
    tokenHash: string
    createdBy: string
    createdAt: Date
    lastUsedAt: Date | null
    expiresAt: Date | null
    revokedAt: Date | null
  }
  /** What people give their programs to sign in with. */
  apiKeys: {
    id: string
    ownerId: string
    name: string
    /** SHA-256 (hex) of the key; the key itself is shown once and kept nowhere. */
    keyHash: string
    /** Its beginning, to recognise it by. */
    prefix: string
    scopes: ScopeName[]
    createdAt: Date
    expiresAt: Date
    /** To the minute. */
    lastUsedAt: Generated<Date | null>
    revokedAt: Generated<Date | null>
  }
  /** Tokens that were taken back, until they would have expired. */
  revokedTokens: { jti: string; expiresAt: Date }
  setupSecrets: { secretHash: string; createdAt: Date; usedAt: Date | null }
  signInFailures: { subjectHash: string; failures: number; blockedUntil: Date; updatedAt: Date }
  /** What administrators set instead of the defaults of the domain. */
  rateLimits: { target: string; role: string; amount: number; setBy: string; setAt: Date }
  /** Unlogged: a crash of the server empties it. */
  rateLimitCounts: {
    /** `user:` and the id, or `address:` and the address or IPv6 network. */
    subject: string
    /** A limit, or an operation with an override of its own. */
    counter: string
    slot: number
    counts: number[]
    /** Whether the last request was let through. */
    granted: boolean
    /** The last minute in which a refusal was recorded. */
    toldMinute: Generated<number>
    keepUntil: Date
  }
}
