import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { readDiskSpace } from './adapters/disk-space.ts'
import { type Config, settingsInForce } from './config.ts'
import type { HostSystem } from './domain/system/system-state.ts'

/** What the system page says of this process and of the machine. */
export function hostSystem(
  { data }: Pick<Config, 'data'>,
  environment: Readonly<Record<string, string | undefined>>,
  startedAt: Date,
): HostSystem {
  // Beside the folder this file lies in, in the sources and in what is built of them.
  const described: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const { version } = z.object({ version: z.string() }).parse(described)
  return {
    version,
    nodeVersion: process.versions.node,
    startedAt,
    settings: settingsInForce(environment),
    disk: () => readDiskSpace(data.objectsFolder),
  }
}
