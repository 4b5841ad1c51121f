import { ok, type Result, refuse } from '../result.ts'

/** A run holds its sources in one plan, and a choice has to fit an address: beyond this a form is the wrong tool. */
export const mostDatasets = 50

/** A dataset that was chosen for a run, with what a person needs to know of it before the run starts. */
export interface ChosenDataset {
  readonly id: string
  readonly name: string
  readonly files: number
  readonly bytes: number
  /** As its last run counted them; null before one has completed. */
  readonly conversations: number | null
  readonly isUploading: boolean
  /** False while no file of it was recognised and no person has mapped it. */
  readonly isMapped: boolean
}

/** The ids of datasets to be run together, in their order; refuses none, the same one twice, and too many. */
export function chooseDatasets(ids: readonly string[]): Result<readonly string[]> {
  if (ids.length === 0) {
    return refuse(
      'invalid',
      'No dataset is chosen. Tick those to run in the list of datasets, then press “Run together”.',
      'datasets',
    )
  }
  if (ids.length > mostDatasets) {
    return refuse(
      'invalid',
      `${ids.length} datasets are chosen; one run takes at most ${mostDatasets}. Go back and choose fewer.`,
      'datasets',
    )
  }
  if (new Set(ids).size < ids.length) {
    return refuse('invalid', 'A dataset is chosen twice. Leave it out once.', 'datasets')
  }
  return ok(ids)
}

/** Why a chosen dataset cannot be run now; undefined when it can. */
export function whyNotRun({ name, isUploading, isMapped }: ChosenDataset): string | undefined {
  if (isUploading) {
    return `“${name}” is still being uploaded. Wait for the end of its upload, or leave it out.`
  }
  if (!isMapped) {
    return `“${name}” has no mapping: no conversation was recognised in it. Edit its mapping, or leave it out.`
  }
  return undefined
}
