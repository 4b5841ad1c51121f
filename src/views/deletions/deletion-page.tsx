import {
  type DeletedFrom,
  type Deletion,
  isInVain,
  objectsOf,
  type SearchScope,
} from '../../domain/deletion/deletion.ts'
import { Digest } from '../components/digest.tsx'
import { Empty } from '../components/empty.tsx'
import { Facts } from '../components/facts.tsx'
import { bytes, exactTime, number, plural } from '../components/format.ts'
import { Notice } from '../components/notice.tsx'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { Plate } from '../components/state.tsx'
import { Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { deletionState, deletionWord, isTreated, subjectOf } from './deletion-words.ts'
import { Confirm, FoundNothing } from './search-result.tsx'

interface Props extends Frame {
  deletion: Deletion
  /** What a search for a subject looks into, where one found nothing. */
  scope?: SearchScope | undefined
  /** Whether the viewer may confirm what was found of a subject. */
  canConfirm: boolean
  now: Date
}

const titleOf = (deletion: Deletion): string =>
  deletion.status === 'done' ? 'Certificate of deletion' : `Deletion: ${subjectOf(deletion)}`

const isMoving = ({ status }: Deletion) => status === 'searching' || status === 'working'

const Progress = ({ deletion }: { deletion: Deletion }) => {
  const { status, kind, keys } = deletion
  const destroyed = keys.filter((key) => key.destroyedAt !== null).length
  const sentence =
    status === 'searching'
      ? 'The sources of all datasets that name a subject are being read through. What was found is shown at the end.'
      : `${number(destroyed)} of ${plural(keys.length, 'key')} destroyed${
          kind === 'subject' ? '; the other records are copied to new objects first' : ''
        }. Nothing of it can be seen any more; it goes on by itself, also after a crash.`
  return (
    <Section id="progress" title="Progress">
      {deletion.problem === null ? null : (
        <div class="notices">
          <Notice state="degraded">{deletion.problem}</Notice>
        </div>
      )}
      <p>{sentence}</p>
      {status === 'working' ? (
        <progress max={Math.max(1, keys.length)} value={destroyed} aria-label="Keys destroyed" />
      ) : null}
    </Section>
  )
}

const Dataset = ({ dataset, kind }: { dataset: DeletedFrom; kind: Deletion['kind'] }) => (
  <Facts
    facts={[
      {
        label: 'Dataset',
        value:
          kind === 'subject' && dataset.name !== null ? (
            <>
              <a href={`/datasets/${dataset.datasetId}`}>{dataset.name}</a>{' '}
              <small class="muted id">{dataset.datasetId}</small>
            </>
          ) : (
            <span class="id">{dataset.datasetId}</span>
          ),
      },
      {
        label: 'SHA-256 of its id and name',
        value: <Digest value={dataset.nameHash} of="the id and the name" />,
      },
      { label: 'Sources', value: `${plural(dataset.files, 'file')}, ${bytes(dataset.bytes)}` },
      { label: 'Runs', value: number(dataset.runs) },
      ...(kind === 'subject'
        ? [
            { label: 'Records of the subject', value: number(dataset.records) },
            {
              label: 'Unreadable records',
              value:
                dataset.unreadable === 0
                  ? '0'
                  : `${number(dataset.unreadable)}: nobody can say whom they are about`,
            },
            ...(dataset.filesAsJsonLines === 0
              ? []
              : [
                  {
                    label: 'Copied as JSON Lines',
                    value: `${plural(dataset.filesAsJsonLines, 'Parquet file')} that held such records`,
                  },
                ]),
          ]
        : []),
      ...(dataset.problem === null ? [] : [{ label: 'Not possible', value: dataset.problem }]),
    ]}
  />
)

const Keys = ({ deletion }: { deletion: Deletion }) => (
  <Section id="keys" title="Keys destroyed" count={number(deletion.keys.length)}>
    <Table labelledBy="keys" kind="table--stack">
      <thead>
        <tr>
          <th scope="col">Key of</th>
          <th scope="col">Versions</th>
          <th scope="col" class="num">
            Objects removed
          </th>
          <th scope="col">Destroyed</th>
        </tr>
      </thead>
      <tbody>
        {deletion.keys.map(({ owner, versions, objects, destroyedAt }) => (
          <tr>
            <th scope="row" class="main-cell id">
              {owner}
            </th>
            <td data-label="Versions">{versions === null ? 'not yet' : versions.join(', ')}</td>
            <td data-label="Objects removed" class="num">
              {objects === null ? 'not yet' : number(objects)}
            </td>
            <td data-label="Destroyed">
              {destroyedAt === null ? (
                'not yet'
              ) : (
                <time datetime={destroyedAt.toISOString()}>{exactTime(destroyedAt)}</time>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  </Section>
)

function titleOfDatasets(deletion: Deletion): string {
  const { status, kind } = deletion
  if (isInVain(deletion)) return 'Could not be looked through, or not be treated'
  if (kind === 'dataset') return status === 'done' ? 'What was deleted' : 'What is deleted'
  return status === 'done' ? 'Records were removed from' : 'Found in'
}

/** `GET /admin/deletions/:deletionId`: what a deletion does, and when it is done its certificate, which can be printed. */
export const DeletionPage = ({ deletion, scope, canConfirm, now, ...frame }: Props) => {
  const { id, kind, status, requestedBy, requestedAt, finishedAt, requestId } = deletion
  const treated = deletion.datasets.filter((dataset) => isTreated(deletion, dataset))
  const untreated = deletion.datasets.filter((dataset) => !isTreated(deletion, dataset))
  const polled = isMoving(deletion)
    ? {
        'hx-get': `/admin/deletions/${id}`,
        'hx-trigger': 'every 2s',
        'hx-select': '#deletion',
        'hx-target': '#deletion',
        'hx-swap': 'outerMorph',
        'hx-config': 'timeout:8s',
      }
    : {}
  return (
    <Shell frame={frame} title={titleOf(deletion)} place="admin" live={isMoving(deletion)}>
      <div id="deletion" {...polled}>
        <PageHead
          title={titleOf(deletion)}
          crumbs={[
            { text: 'Deletions', href: '/admin/deletions' },
            { text: id, isId: true },
          ]}
          plate={<Plate state={deletionState(deletion)} word={deletionWord(deletion)} />}
          meta={
            <span>
              asked for <RelativeTime at={requestedAt} now={now} /> by {requestedBy.name}
              {deletion.reason === 'retention' ? ', because its time was up' : ''}
            </span>
          }
          {...(status === 'done'
            ? {
                actions: (
                  <a class="button" href={`/admin/deletions/${id}/certificate`} download={`${id}.json`}>
                    Certificate as JSON
                  </a>
                ),
              }
            : {})}
        />
        {isMoving(deletion) ? <Progress deletion={deletion} /> : null}
        {status !== 'found' || !canConfirm ? null : isInVain(deletion) ? (
          <FoundNothing deletion={deletion} scope={scope} />
        ) : (
          <Confirm deletion={deletion} />
        )}
        {treated.length === 0 && isInVain(deletion) ? null : (
          <Section id="what" title={titleOfDatasets(deletion)} count={number(treated.length)}>
            {treated.length === 0 ? (
              <Empty>{status === 'searching' ? 'Nothing so far.' : 'No dataset.'}</Empty>
            ) : (
              <div class="stack">
                {treated.map((dataset) => (
                  <Dataset dataset={dataset} kind={kind} />
                ))}
              </div>
            )}
          </Section>
        )}
        {untreated.length === 0 ? null : (
          <Section id="untreated" title="Nothing was removed from" count={number(untreated.length)}>
            <div class="stack">
              {untreated.map((dataset) => (
                <Dataset dataset={dataset} kind={kind} />
              ))}
            </div>
          </Section>
        )}
        {deletion.keys.length === 0 ? null : <Keys deletion={deletion} />}
        {status === 'done' ? (
          <Section id="record" title="On record">
            <div class="stack stack--s">
              <Facts
                facts={[
                  { label: 'Certificate', value: <span class="id">{id}</span> },
                  { label: 'Asked for by', value: `${requestedBy.name} (${requestedBy.id})` },
                  { label: 'Asked for', value: exactTime(requestedAt) },
                  { label: 'Finished', value: finishedAt === null ? '' : exactTime(finishedAt) },
                  { label: 'Objects removed', value: number(objectsOf(deletion)) },
                  { label: 'Request id in the audit log', value: <span class="id">{requestId}</span> },
                ]}
              />
              <p class="quiet">
                Destroying a key makes everything under it unreadable, in every backup of the objects as well.
                Backups of the keys themselves have to be thrown away by whoever keeps them.
              </p>
            </div>
          </Section>
        ) : null}
      </div>
    </Shell>
  )
}
