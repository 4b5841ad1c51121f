import { defaulted, optional } from '../configuration/shape.ts'
import { filledText, integer } from '../configuration/value-shapes.ts'
import type { ResultRow } from './check-result.ts'

/** One file as an adapter found it. */
export interface FileFact {
  readonly path: string
  readonly size: number
  /** Milliseconds since 1970 UTC. */
  readonly modifiedAt: number
  readonly kind: 'file' | 'directory' | 'other'
  readonly readable: boolean
}

/** Clocks of file servers differ a little; what is further ahead is a wrong clock. */
export const clockTolerance = 5_000

/** What the walk over a path or glob found. */
export interface FileMeasurement {
  readonly files: readonly FileFact[]
  /** The walk ended at `max_entries`: what is missing cannot be told. */
  readonly truncated: boolean
}

export const globKeys = {
  glob: optional(
    filledText,
    'Which files: a path with `*`, `?`, `[a-z]` and `**`; `{{today}}` and `{{yesterday}}` are dates.',
  ),
  path: optional(filledText, 'One file or folder, instead of glob.'),
  max_entries: defaulted(
    integer(1, 1_000_000),
    'The walk ends here, so that a huge folder cannot stall the checks.',
    10_000,
  ),
} as const

/** A folder or glob, one of both. */
export const oneOfGlobAndPath = ({
  glob,
  path,
}: {
  readonly glob: string | undefined
  readonly path: string | undefined
}) => ((glob === undefined) === (path === undefined) ? 'Give glob or path, one of both.' : undefined)

export const evidenceOf = (files: readonly FileFact[]) =>
  files.slice(0, 5).map(({ path, size }) => ({ label: 'file', value: `${path} (${size} bytes)` }))

/** So many of the newest files are kept for the drill-down. */
const mostFileRows = 100

/** The newest files first, for the drill-down. */
export const rowsOfFiles = (files: readonly FileFact[]): ResultRow[] =>
  files
    .toSorted((a, b) => b.modifiedAt - a.modifiedAt)
    .slice(0, mostFileRows)
    .map(({ path, size, modifiedAt }) => ({
      file: path,
      size,
      modified_at: new Date(modifiedAt).toISOString(),
    }))
