import { unfinishedRotation } from '../vault/key-administration.ts'
import type { KeyState } from '../vault/key-state.ts'
import { type DiskSpace, diskLowWater, diskWarning, usedShareOf } from './disk-space.ts'
import type { HousekeeperState, QueueState, WorkerState } from './system-state.ts'

/** One part of the portal, and how it is. */
export interface SystemCheck {
  readonly name: 'vault' | 'disk' | 'workers' | 'audit' | 'verification' | 'audit-owner' | 'housekeeping'
  readonly state: 'healthy' | 'degraded' | 'failed' | 'unknown'
  readonly word: string
  /** What is the matter, and what to do; where it is well, what that means. */
  readonly sentence: string
}

/** The audit log as far as operators have to look at it. */
export interface AuditHealth {
  readonly rows: number
  readonly waiting: number
  readonly waitingSince: Date | null
  readonly checkpoint: { readonly size: number; readonly at: Date } | null
  readonly verification: {
    readonly at: Date
    readonly outcome: 'whole' | 'tampered' | 'incomplete'
    readonly finding: string | null
  } | null
  readonly isOwnedByApplication: boolean
}

export interface SystemFindings {
  readonly keys: KeyState
  readonly disk: DiskSpace
  readonly workers: readonly WorkerState[]
  readonly queue: QueueState
  readonly audit: AuditHealth
  readonly housekeeper: HousekeeperState | undefined
}

const minuteMs = 60_000
/** The sequencer takes entries five times a second, a checkpoint is signed every minute, verification is nightly. */
const mostWaitingMs = 10_000
const oldestCheckpointMs = 3 * minuteMs
const oldestVerificationMs = 36 * 60 * minuteMs

/** How each part is, in the order in which operators ask. */
export function systemChecks(found: SystemFindings, now: Date): SystemCheck[] {
  return [
    vault(found.keys),
    disk(found.disk),
    workers(found),
    auditLogCheck(found.audit, now),
    verification(found.audit, now),
    auditOwner(found.audit),
    housekeeping(found.housekeeper),
  ]
}

type Finding = Omit<SystemCheck, 'name'>
const well = (word: string, sentence: string): Finding => ({ state: 'healthy', word, sentence })
const warn = (word: string, sentence: string): Finding => ({ state: 'degraded', word, sentence })
const fail = (word: string, sentence: string): Finding => ({ state: 'failed', word, sentence })

const vault = (keys: KeyState): SystemCheck => ({ name: 'vault', ...vaultFinding(keys) })

function vaultFinding(keys: KeyState): Finding {
  if (keys.sealed !== undefined) return fail('Sealed', keys.sealed.message)
  if (keys.damagedKeys.length > 0) {
    return fail(
      'Damaged keys',
      `${keys.damagedKeys.length} wrapped keys cannot be read. Restore them from a backup of the keys.`,
    )
  }
  if (unfinishedRotation(keys) !== undefined) {
    return warn('Open, rotation unfinished', 'Some keys are still under an older version of the master key.')
  }
  if (keys.destroyedAgain.length > 0) {
    return warn('Open', 'Destroyed keys had come back from a backup and were destroyed again.')
  }
  return well('Open', 'Every key is under the current version of the master key.')
}

function disk(space: DiskSpace): SystemCheck {
  if (space.freeBytes < diskLowWater) {
    return {
      name: 'disk',
      ...fail('Full', 'Less is free than is kept free: shards wait until there is room.'),
    }
  }
  const finding =
    usedShareOf(space) > diskWarning
      ? warn('Filling', 'More than four fifths are used. Make room before shards have to wait.')
      : well('Has room', 'More is free than has to be.')
  return { name: 'disk', ...finding }
}

function workers({ workers, queue }: SystemFindings): SystemCheck {
  const alive = workers.filter(({ isLost }) => !isLost)
  const paused = alive.filter((worker) => worker.paused !== null)
  const finding =
    alive.length === 0
      ? queue.shardsWaiting + queue.runsQueued > 0
        ? fail('None', 'Work waits and nobody does it. Start a worker, or the portal with SIGNALBOX_WORKERS.')
        : warn('None', 'No process works shards: runs would wait.')
      : paused.length === alive.length
        ? fail('All paused', paused[0]?.paused ?? 'They take no shards.')
        : paused.length > 0 || alive.length < workers.length
          ? warn('Some away', 'Some are paused or were not seen lately. Their shards go to the others.')
          : well('At work', 'All were seen within their lease.')
  return { name: 'workers', ...finding }
}

/** Whether entries come into the log, and checkpoints are signed. */
export function auditLogCheck(
  { waitingSince, checkpoint }: Pick<AuditHealth, 'waitingSince' | 'checkpoint'>,
  now: Date,
): SystemCheck {
  const age = (at: Date) => now.getTime() - at.getTime()
  const finding =
    waitingSince !== null && age(waitingSince) > mostWaitingMs
      ? fail('Behind', 'Entries wait and are not taken into the log. See whether a sequencer runs.')
      : checkpoint === null || age(checkpoint.at) > oldestCheckpointMs
        ? warn(
            'No fresh checkpoint',
            'A checkpoint is due every minute. See whether its folder can be written.',
          )
        : well('Up to date', 'Entries are taken at once, checkpoints signed every minute.')
  return { name: 'audit', ...finding }
}

function verification({ verification: last }: AuditHealth, now: Date): SystemCheck {
  const finding: Finding =
    last === null
      ? {
          state: 'unknown',
          word: 'Never verified',
          sentence: 'It runs each night; or run npm run audit -- verify now.',
        }
      : last.outcome !== 'whole'
        ? fail(
            last.outcome === 'tampered' ? 'Tampered' : 'Incomplete',
            last.finding ?? 'The log is not whole.',
          )
        : now.getTime() - last.at.getTime() > oldestVerificationMs
          ? warn('Whole, but old', 'It should run each night. See whether the portal ran then.')
          : well('Whole', 'The last verification found nothing wrong.')
  return { name: 'verification', ...finding }
}

const auditOwner = ({ isOwnedByApplication }: AuditHealth): SystemCheck => ({
  name: 'audit-owner',
  ...(isOwnedByApplication
    ? warn(
        'The application',
        'Whoever signs in to the database as the portal could change the log. Set DATABASE_ADMIN_URL to another role and migrate again.',
      )
    : well('A role of its own', 'The database refuses the portal to change the log.')),
})

const housekeeping = (housekeeper: HousekeeperState | undefined): SystemCheck => ({
  name: 'housekeeping',
  ...(housekeeper === undefined
    ? warn('Nobody', 'No process keeps house; the next that starts, or whose hour comes, takes it.')
    : well('Kept', 'One process keeps house, a round every hour.')),
})
