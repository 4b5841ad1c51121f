import { basename } from 'node:path'
import { FlowFolder, type FoundFile } from './flow-folder.ts'

/** A folder that says nothing of its files; those of it begin with the prefix. */
export interface LostFolder {
  readonly prefix: string
  readonly problem: string
  /** Nothing is there at all, which is no problem where nothing was known of it. */
  readonly isAway: boolean
}

export interface FoundFolders {
  readonly files: readonly FoundFile[]
  readonly lost: readonly LostFolder[]
}

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

  async look(): Promise<FoundFolders> {
    const files: FoundFile[] = []
    const lost: LostFolder[] = []
    for (const { prefix, folder } of this.#folders) {
      const found = await folder.look()
      if ('files' in found)
        files.push(...found.files.map((each) => ({ ...each, file: `${prefix}${each.file}` })))
      else lost.push({ prefix, problem: found.problem, isAway: found.isAway === true })
    }
    return { files, lost }
  }
}

/** Whether two looks found the same. */
export const foundSame = (one: FoundFolders | undefined, other: FoundFolders): boolean =>
  one !== undefined &&
  JSON.stringify(one.lost) === JSON.stringify(other.lost) &&
  one.files.length === other.files.length &&
  one.files.every((file, at) => sameFile(file, other.files[at]))

/** Compared as they are: a thousand large files, written out twice a second, would be a lot of work. */
const sameFile = (one: FoundFile, other: FoundFile | undefined): boolean =>
  one.file === other?.file &&
  ('text' in one
    ? 'text' in other && one.text === other.text
    : 'problem' in other && one.problem === other.problem)
