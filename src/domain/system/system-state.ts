import type { DiskSpace } from './disk-space.ts'

/** A setting as it holds, given or by default. */
export interface SettingInForce {
  readonly name: string
  /** Of a secret only “set”; undefined: not set. */
  readonly value: string | undefined
  readonly isGiven: boolean
}

/** What this process knows of itself and of the machine below it. */
export interface HostSystem {
  readonly version: string
  readonly nodeVersion: string
  readonly startedAt: Date
  readonly settings: readonly SettingInForce[]
  /** The disk of the vault. */
  disk(): Promise<DiskSpace>
}

export interface WorkerState {
  readonly id: number
  readonly host: string
  readonly pid: number
  readonly threads: number
  readonly startedAt: Date
  readonly seenAt: Date
  /** Why it takes no shards, or null. */
  readonly paused: string | null
  /** Not seen within its lease: it is frozen, dead or cut off. */
  readonly isLost: boolean
}

export interface QueueState {
  readonly runsQueued: number
  readonly runsRunning: number
  /** Of runs that are not over. */
  readonly shardsWaiting: number
  readonly shardsWorking: number
}

export interface DatabaseState {
  /** As the server says it: "18.1". */
  readonly version: string
  /** The role that the application signs in as. */
  readonly role: string
  readonly name: string
  readonly bytes: number
}

/** Who keeps house, of all processes over the database. */
export interface HousekeeperState {
  /** Null when it is another role's connection, of which the database does not tell. */
  readonly since: Date | null
}
