import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A new folder below the temporary one that others may enter: as root the embedded server runs as a user of its own,
 * and only then its data lies inside, where a test can look into it and remove it.
 */
export async function temporaryFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `signalbox-${name}-`))
  await chmod(folder, 0o755)
  return folder
}
