export interface DiskSpace {
  /** What the service may still write. */
  readonly freeBytes: number
  readonly totalBytes: number
}

/** Below it nothing is written any more: the database needs room to finish what it has. */
export const diskLowWater = 1024 ** 3
/** Used share of the disk from which on it is said aloud. */
export const diskWarning = 0.8

/** How much of the disk is used, 0 to 1. */
export const usedShareOf = ({ freeBytes, totalBytes }: DiskSpace): number =>
  totalBytes === 0 ? 0 : 1 - freeBytes / totalBytes

/** What the system, and Postgres, call a disk or a quota that is full. */
const noRoom: readonly unknown[] = ['ENOSPC', 'EDQUOT', '53100']

/** Whether something failed because nothing more can be written. */
export const isNoRoom = (error: unknown): boolean =>
  error instanceof Error && (('code' in error && noRoom.includes(error.code)) || isNoRoom(error.cause))
