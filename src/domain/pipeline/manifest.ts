import type { RunConfiguration } from './run.ts'

/** What stands in `manifest.json`: enough to check every file, nothing that changes from run to run. */
export interface Manifest {
  readonly configuration: RunConfiguration
  readonly sources: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[]
  readonly ledger: {
    readonly in: number
    readonly out: number
    readonly quarantined: number
    readonly rejected: number
    readonly duplicate: number
  }
  readonly exports: readonly {
    readonly path: string
    readonly target: string
    readonly format: string
    readonly records: number
    readonly skipped: number
    readonly bytes: number
    readonly sha256: string
  }[]
}

/** The manifest as JSON text. The mode is left out: it changes how a run is done, never what comes out. */
export function manifestOf({ configuration, ...rest }: Manifest): string {
  const { mode: _mode, ...settings } = configuration
  return `${JSON.stringify({ version: 1, configuration: settings, ...rest }, null, 2)}\n`
}
