import type { ExportView } from '../../domain/pipeline/run-view.ts'
import { Digest } from '../components/digest.tsx'
import { Empty } from '../components/empty.tsx'
import { bytes, plural } from '../components/format.ts'
import { Section } from '../components/section.tsx'
import { State } from '../components/state.tsx'
import { Count, Table } from '../components/table.tsx'
import { formatName, targetName } from '../names.ts'

const states = {
  waiting: { state: 'queued', word: 'Waits' },
  writing: { state: 'running', word: 'Writing' },
  ready: { state: 'completed', word: 'Ready' },
  failed: { state: 'failed', word: 'Failed' },
  removed: { state: 'cancelled', word: 'Removed' },
} as const

const nameOf = ({ target, format }: ExportView): string =>
  target === 'manifest'
    ? 'Manifest: checksums of every export'
    : `${targetName[target]}, ${formatName[format]}`

/** What the target has no place for; the records themselves stay accepted. */
const Skipped = ({ file: { target, skipped } }: { file: ExportView }) =>
  target === 'manifest' || skipped === 0 ? null : (
    <span class="sub">
      {plural(skipped, 'record')} skipped: {targetName[target]} cannot carry {skipped === 1 ? 'it' : 'them'}
    </span>
  )

const Records = ({ file }: { file: ExportView }) =>
  file.target === 'manifest' ? (
    <Count value={null} otherwise="none" />
  ) : (
    <Count value={file.state === 'waiting' ? null : file.records} />
  )

const Row = ({ runId, file }: { runId: string; file: ExportView }) => {
  const name = nameOf(file)
  const shown = states[file.state]
  return (
    <tr id={`export-${file.id}`} data-state={file.state === 'failed' ? 'failed' : undefined}>
      <th scope="row">
        {file.state === 'ready' ? <a href={`/runs/${runId}/exports/${file.id}`}>{name}</a> : name}
        <Skipped file={file} />
      </th>
      <td>
        <State state={shown.state} word={shown.word} />
      </td>
      <Records file={file} />
      <td class="num">{file.state === 'ready' ? bytes(file.bytes) : <Missing file={file} />}</td>
      <td>{file.sha256 === null ? <Missing file={file} /> : <Digest value={file.sha256} of={name} />}</td>
    </tr>
  )
}

/** In place of what is not there yet, or not any more. */
const Missing = ({ file }: { file: ExportView }) => (
  <span class="muted">{file.state === 'removed' ? 'gone' : 'pending'}</span>
)

/** The files of a run, to download once they are whole. */
export const RunExports = ({ runId, exports }: { runId: string; exports: readonly ExportView[] }) => (
  <Section id="exports" title="Exports" note="only records that were accepted">
    {exports.length === 0 ? (
      <Empty>Written by the last stage; none yet.</Empty>
    ) : (
      <Table labelledBy="exports">
        <thead>
          <tr>
            <th scope="col">File</th>
            <th scope="col">State</th>
            <th scope="col" class="num">
              Records
            </th>
            <th scope="col" class="num">
              Size
            </th>
            <th scope="col">SHA-256</th>
          </tr>
        </thead>
        <tbody>
          {exports.map((file) => (
            <Row runId={runId} file={file} />
          ))}
        </tbody>
      </Table>
    )}
  </Section>
)
