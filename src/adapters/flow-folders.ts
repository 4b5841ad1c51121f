import { basename } from 'node:path'
import { FlowFolder, type FoundFile, type FoundFolder } from './flow-folder.ts'

/**
 * Several folders of flow files, looked at as one. Files of the first keep their names; those of the others are named
 * with their folder, so that two of the same name stay two.
 */
export class FlowFolders {
  readonly #folders: readonly { readonly prefix: string; readonly folder: FlowFolder }[]

  constructor(paths: readonly string[]) {
    this.#folders = paths.map((path, at) => ({
      prefix: at === 0 ? '' : `${basename(path)}/`,
      folder: new FlowFolder(path),
    }))
  }

  /** A folder that cannot be read is told for all: of none something is to be missed that is only out of sight. */
  async look(): Promise<FoundFolder> {
    const files: FoundFile[] = []
    for (const { prefix, folder } of this.#folders) {
      const found = await folder.look()
      if (!('files' in found)) return found
      files.push(...found.files.map((each) => ({ ...each, file: `${prefix}${each.file}` })))
    }
    return { files }
  }
}
