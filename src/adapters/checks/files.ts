import { type CheckResult, couldNotTell } from '../../domain/flows/checks/check-result.ts'
import type { CheckRunner, RunContext } from '../../domain/flows/checks/check-runner.ts'
import { checkTypes } from '../../domain/flows/checks/registry.ts'
import { fillDates } from '../../domain/flows/time/dates-in-text.ts'
import { Settled } from './deadline.ts'
import { type Finding, type Found, filesIn, findFiles, findPath } from './find-files.ts'
import type { RunnerSettings } from './runner-settings.ts'
import type { Uninterruptible } from './uninterruptible.ts'

/** The keys that say which files. */
export interface WhichFiles {
  readonly glob: string | undefined
  readonly path: string | undefined
  readonly max_entries: number
}

type FileCheckName = 'file_exists' | 'file_fresh' | 'directory_backlog' | 'file_count'

/** The runners of the checks that look at files without opening them. */
export function fileRunners(
  settings: RunnerSettings,
  looks: Uninterruptible,
): { readonly [N in FileCheckName]: CheckRunner<N> } {
  const look = (
    which: WhichFiles,
    context: RunContext,
    judge: (found: Found) => CheckResult,
    asks: { readonly asksReadable?: boolean; readonly ofFolder: boolean },
  ) =>
    withFiles(looks, which, context, async (filled) =>
      judge(
        await lookAt(filled, asks.ofFolder, {
          baseFolder: settings.baseFolder,
          maxEntries: which.max_entries,
          signal: context.signal,
          asksReadable: asks.asksReadable ?? false,
        }),
      ),
    )
  return {
    file_exists: {
      run: (parameters, context) =>
        look(
          parameters,
          context,
          (found) =>
            checkTypes.file_exists.judge(
              parameters,
              parameters.min_count > 0 ? present(found) : found,
              context,
            ),
          {
            asksReadable: parameters.readable,
            ofFolder: false,
          },
        ),
    },
    file_fresh: {
      run: (parameters, context) =>
        look(
          parameters,
          context,
          (found) => checkTypes.file_fresh.judge(parameters, onlyFiles(present(found)), context),
          { ofFolder: true },
        ),
    },
    // An empty folder has no backlog; of one that is not there nothing is known.
    directory_backlog: {
      run: (parameters, context) =>
        look(
          parameters,
          context,
          (found) => checkTypes.directory_backlog.judge(parameters, onlyFiles(present(found)), context),
          { ofFolder: true },
        ),
    },
    file_count: {
      run: (parameters, context) =>
        look(
          parameters,
          context,
          (found) => checkTypes.file_count.judge(parameters, onlyFiles(present(found)), context),
          { ofFolder: true },
        ),
    },
  }
}

/** Fills dates in, and gives up where the disk does not answer. */
export function withFiles(
  looks: Uninterruptible,
  { glob, path, max_entries }: WhichFiles,
  { now, timezone, signal }: RunContext,
  work: (filled: WhichFiles) => Promise<CheckResult>,
): Promise<CheckResult> {
  const fill = (text: string | undefined) => (text === undefined ? undefined : fillDates(text, now, timezone))
  const filled = { glob: fill(glob), path: fill(path), max_entries }
  const named = filled.glob ?? filled.path ?? ''
  return looks.run(named, signal, `The look at ${named} did not end in time.`, () => work(filled))
}

/** @param ofFolder a path that names a folder stands for the files in it */
export async function lookAt(
  { glob, path }: Pick<WhichFiles, 'glob' | 'path'>,
  ofFolder: boolean,
  finding: Finding,
): Promise<Found> {
  if (glob !== undefined) return findFiles(glob, finding)
  if (path === undefined) return { files: [], truncated: false, missingFolder: undefined }
  const found = await findPath(path, finding)
  if (ofFolder && found?.kind === 'directory') return filesIn(path, finding)
  const files = found === undefined ? [] : [found]
  return { files, truncated: false, missingFolder: found === undefined && ofFolder ? path : undefined }
}

/** @throws Settled when the folder is not there: nothing found in it says nothing. */
export function present(found: Found): Found {
  if (found.missingFolder === undefined) return found
  throw new Settled(couldNotTell('no_data', `${found.missingFolder} is not there.`))
}

export const onlyFiles = (found: Found): Found => ({
  ...found,
  files: found.files.filter((file) => file.kind === 'file'),
})
