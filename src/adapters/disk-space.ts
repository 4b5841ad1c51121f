import { statfs } from 'node:fs/promises'
import type { DiskSpace } from '../domain/system/disk-space.ts'

/** The disk that a folder lies on. */
export async function readDiskSpace(folder: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}
