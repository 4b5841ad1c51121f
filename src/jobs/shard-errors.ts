import { sealedVault } from './dispatch-work.ts'

/** What an error of a shard's work tells of what happened to it. */
export const isThreadGone = (err: unknown): boolean =>
  err instanceof Error &&
  /worker (thread )?(exited|terminated|ended)|Terminating worker thread/i.test(err.message)

/** Its own code, or what a thread says of an error that cannot cross over: kind, code and place. */
export function codeOf(err: unknown): string {
  if (!(err instanceof Error)) return ''
  if ('code' in err) return String(err.code)
  return [...(/^shard work failed: (\w+)(?: (\w+))? at ([\w.:-]+)$/.exec(err.message) ?? [])]
    .slice(1)
    .filter(Boolean)
    .join('/')
}

export const isSealed = (err: unknown): boolean => err instanceof Error && err.message === sealedVault

export const isDiskFull = (err: unknown): boolean => err instanceof Error && /\bENOSPC\b/.test(err.message)
