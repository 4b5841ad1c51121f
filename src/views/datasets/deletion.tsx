import type { DatasetSummary } from '../../domain/datasets/summaries.ts'
import { Field } from '../components/field.tsx'
import { bytes, plural } from '../components/format.ts'

export interface DoomedDataset {
  readonly summary: DatasetSummary
  readonly runs: number
  readonly exports: number
}

interface Props {
  dataset: DoomedDataset
  problem?: string | undefined
}

/** What a deletion takes with it, and the name to type: the inside of the form to `POST /datasets/:id/delete`. */
export const Deletion = ({ dataset: { summary, runs, exports }, problem }: Props) => (
  <>
    <p>Its key is destroyed, so nothing can bring these back, not even a backup:</p>
    <ul class="bullets">
      <li>
        {plural(summary.files, 'source file')}, {bytes(summary.bytes)}
      </li>
      {summary.records === null ? null : <li>{plural(summary.records, 'record')}</li>}
      {summary.conversations === null ? null : <li>{plural(summary.conversations, 'conversation')}</li>}
      <li>
        {plural(runs, 'run')} and {plural(exports, 'export')}
      </li>
    </ul>
    <p class="quiet">
      Runs that read it together with other datasets go as well. The audit log keeps that it existed and who
      deleted it, and <a href="/admin/deletions">the deletions</a> hold a certificate.
    </p>
    <Field
      id="confirm"
      label="Type the name to confirm"
      problem={problem}
      control={(tied) => <input class="input" name="name" autocomplete="off" required {...tied} />}
    />
  </>
)
