import { mayPerform } from '../../domain/auth/operations.ts'
import { confidentFrom } from '../../domain/datasets/detection.ts'
import type { Share } from '../../domain/datasets/share.ts'
import type { DatasetFile, DatasetView } from '../../domain/datasets/summaries.ts'
import type { RunConfiguration } from '../../domain/pipeline/run.ts'
import { ConfirmDialog } from '../components/dialog.tsx'
import { Digest } from '../components/digest.tsx'
import { Empty } from '../components/empty.tsx'
import type { FormProblem } from '../components/error-summary.tsx'
import { Facts } from '../components/facts.tsx'
import { bytes, number, percent, plural } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { Notice } from '../components/notice.tsx'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { Plate } from '../components/state.tsx'
import { Table } from '../components/table.tsx'
import { type Frame, hasShortcuts, Shell } from '../layout/shell.tsx'
import { formatName } from '../names.ts'
import { RunTable } from '../runs/run-table.tsx'
import { Deletion } from './deletion.tsx'
import { DueNotice, RetentionSection, type RetentionView } from './retention-section.tsx'
import { type CheckChoice, RunForm } from './run-form.tsx'
import { Sample } from './sample.tsx'
import { ShareSection } from './share-section.tsx'

interface Props extends Frame {
  dataset: DatasetView
  checks: readonly CheckChoice[]
  /** What was asked for when a run was refused, and why. */
  configuration?: RunConfiguration | undefined
  problems?: readonly FormProblem[] | undefined
  /** With whom it is shared; absent for whoever may not share it. */
  sharing?: { shares: readonly Share[]; typed?: string; problems?: readonly FormProblem[] } | undefined
  /** How long it is kept, and what was refused about that. */
  keeping?:
    | {
        readonly retention: RetentionView
        readonly typed?: { readonly kind: string; readonly days: string; readonly until: string }
        readonly problems?: readonly FormProblem[]
      }
    | undefined
  now: Date
}

const questions = {
  encoding: 'Encoding',
  format: 'Format',
  shape: 'Shape',
  dialogue: 'Dialogue',
  order: 'Order',
  speaker: 'Speaker',
  text: 'Text',
  roles: 'Roles',
} as const

const Detected = ({ dataset }: { dataset: DatasetView }) => {
  const [first] = dataset.files
  const detection = first?.detection ?? null
  const { id } = dataset.summary
  return (
    <Section
      id="detected"
      title="What we detected"
      note={dataset.mappingEdited ? 'the mapping was edited by a person and wins' : 'and why we believe it'}
      more={
        dataset.canEdit && detection !== null && !dataset.isLosingRecords ? (
          <a class="section__more" href={`/datasets/${id}/mapping`}>
            Edit mapping
          </a>
        ) : undefined
      }
    >
      {detection === null ? (
        <Empty>Nothing was detected yet. Add a file, or wait until it is read.</Empty>
      ) : (
        <>
          {detection.confidence < confidentFrom && !dataset.mappingEdited ? (
            <div class="notices">
              <Notice state="degraded">
                Only {percent(detection.confidence)} sure. Look at the records below and correct the mapping
                before you run.
              </Notice>
            </div>
          ) : null}
          <Table labelledBy="detected">
            <thead>
              <tr>
                <th scope="col">Question</th>
                <th scope="col">Answer</th>
                <th scope="col">Evidence in the file</th>
                <th scope="col" class="num">
                  Sure
                </th>
              </tr>
            </thead>
            <tbody>
              {detection.evidence.map(({ question, answer, because, sure }) => (
                <tr data-state={sure < confidentFrom ? 'degraded' : undefined}>
                  <th scope="row">{questions[question]}</th>
                  <td>{answer}</td>
                  <td class="quiet">{because}</td>
                  <td class="num">{percent(sure)}</td>
                </tr>
              ))}
            </tbody>
          </Table>
        </>
      )}
    </Section>
  )
}

const File = ({ file, now }: { file: DatasetFile; now: Date }) => (
  <Facts
    facts={[
      { label: 'File', value: file.name },
      { label: 'Size', value: plural(file.bytes, 'byte') },
      {
        label: 'Format',
        value:
          file.detection === null ? (
            <span class="muted">pending</span>
          ) : (
            `${formatName[file.detection.layout.format]}, ${file.detection.shapeName}`
          ),
      },
      ...(file.detection?.copiedAsJsonLinesAt === undefined
        ? []
        : [
            {
              label: 'Remark',
              value: (
                <>
                  It was Parquet, and was copied as JSON Lines when records were removed{' '}
                  <RelativeTime at={new Date(file.detection.copiedAsJsonLinesAt)} now={now} />.
                </>
              ),
            },
          ]),
      { label: 'SHA-256', value: <Digest value={file.sha256} of={file.name} /> },
      { label: 'Added', value: <RelativeTime at={file.addedAt} now={now} /> },
    ]}
  />
)

const Source = ({ files, now }: { files: readonly DatasetFile[]; now: Date }) => (
  <Section id="source" title="Source" count={files.length > 1 ? number(files.length) : undefined}>
    {files.length === 0 ? (
      <Empty>No file.</Empty>
    ) : (
      <div class="stack">
        {files.map((file) => (
          <File file={file} now={now} />
        ))}
      </div>
    )}
  </Section>
)

const Delete = ({ dataset: { summary, runCount, exports } }: { dataset: DatasetView }) => (
  <ConfirmDialog
    id="delete"
    title={`Delete ${summary.name}?`}
    action={`/datasets/${summary.id}/delete`}
    keep="Keep it"
    confirm="Delete dataset"
  >
    <Deletion dataset={{ summary, runs: runCount, exports }} />
  </ConfirmDialog>
)

/** A page of its own; the script opens the dialog instead. */
const DeleteLink = ({ id }: { id: string }) => (
  <a class="button button--danger" href={`/datasets/${id}/delete`} data-dialog="delete">
    <Icon name="delete" />
    Delete…
  </a>
)

const LosingRecords = () => (
  <div class="notices">
    <Notice state="degraded">
      Records about someone are being removed from this dataset right now. Until that is done no run starts,
      and nothing of it is mapped, repaired, added or deleted. Runs over it become stale; run them again
      afterwards.
    </Notice>
  </div>
)

/** `GET /datasets/:id?sample=…` */
export const DatasetPage = ({
  dataset,
  checks,
  configuration,
  problems,
  sharing,
  keeping,
  now,
  ...frame
}: Props) => {
  const { summary, files, runs, runCount, sample } = dataset
  return (
    <Shell frame={frame} title={summary.name} place="datasets">
      <PageHead
        title={summary.name}
        crumbs={[
          { text: 'Datasets', href: '/datasets' },
          { text: summary.id, isId: true },
        ]}
        plate={summary.lastRun === null ? undefined : <Plate state={summary.lastRun.status} />}
        meta={
          <>
            <span>
              added <RelativeTime at={summary.createdAt} now={now} /> by {summary.owner}
            </span>
            <span>{bytes(summary.bytes)}</span>
            {summary.records === null ? null : <span>{plural(summary.records, 'record')}</span>}
            {mayPerform(frame.viewer?.role, 'audit.read') ? (
              <span>
                <a href={`/admin/audit?about=${summary.id}`}>audit entries</a>
              </span>
            ) : null}
            {summary.conversations === null ? null : (
              <span>{plural(summary.conversations, 'conversation')}</span>
            )}
          </>
        }
        {...(dataset.canDelete ? { actions: <DeleteLink id={summary.id} /> } : {})}
      />
      {dataset.isLosingRecords ? <LosingRecords /> : null}
      <DueNotice due={keeping?.retention.due} now={now} />
      <div class="split">
        <div>
          <Detected dataset={dataset} />
        </div>
        <div>
          {dataset.canRun && files.length > 0 && !dataset.isLosingRecords ? (
            <RunForm
              datasetId={summary.id}
              checks={checks}
              configuration={configuration}
              problems={problems}
            />
          ) : null}
          <Source files={files} now={now} />
        </div>
      </div>
      <Sample datasetId={summary.id} sample={sample} hasShortcuts={hasShortcuts(frame.viewer)} />
      <Section id="runs" title="Runs" count={number(runCount)}>
        {runs.length === 0 ? (
          <Empty>Not run yet. Look at the records above, then press Run.</Empty>
        ) : (
          <RunTable runs={runs} labelledBy="runs" now={now} />
        )}
      </Section>
      {keeping === undefined ? null : <RetentionSection datasetId={summary.id} {...keeping} now={now} />}
      {sharing === undefined ? null : <ShareSection datasetId={summary.id} {...sharing} />}
      {dataset.canDelete ? <Delete dataset={dataset} /> : null}
    </Shell>
  )
}
