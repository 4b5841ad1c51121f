import type { Piece } from '../../domain/pipeline/propose-repair.ts'
import { reasonSentence } from '../../domain/pipeline/reasons.ts'
import type { Stage } from '../../domain/pipeline/run.ts'
import type { RunSummary } from '../../domain/pipeline/run-view.ts'
import { ErrorSummary, problemOf } from '../components/error-summary.tsx'
import { Facts } from '../components/facts.tsx'
import { Field } from '../components/field.tsx'
import { number } from '../components/format.ts'
import { Notice } from '../components/notice.tsx'
import { PageHead } from '../components/page-head.tsx'
import { RecordStep } from '../components/record-step.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { type Frame, hasShortcuts, Shell } from '../layout/shell.tsx'
import { stageName } from '../names.ts'
import { datasetOf } from './quarantine-page.tsx'
import { quarantineHref } from './run-quarantine.tsx'
import { runTitle } from './run-table.tsx'

/** The text of a record around what is wrong with it. */
export interface SourceExcerpt {
  readonly before: string
  /** Empty where the text ends too early. */
  readonly marked: string
  readonly after: string
  readonly isCutBefore: boolean
  readonly isCutAfter: boolean
  /** Whether it is shown as JSON because its file is no text, or because its rows stand apart. */
  readonly isRendered: boolean
}

export interface RecordView {
  readonly datasetId: string
  readonly ordinal: number
  readonly stage: Stage
  readonly reason: string
  readonly file: string
  readonly line: number | null
  readonly byteOffset: number
  readonly index: number
  readonly of: number
  readonly previous: string | undefined
  readonly next: string | undefined
  /** Absent where the text cannot be shown; `unreadable` says why then. */
  readonly source?: SourceExcerpt
  readonly unreadable?: string
  readonly proposal?: readonly Piece[]
  /** Pieces of the proposal beyond these. */
  readonly morePieces?: number
  readonly repair?: {
    readonly kind: 'proposed' | 'edited'
    readonly madeBy: string
    readonly madeAt: Date
    /** False for one made under a run that this one went on from. */
    readonly isOwn: boolean
  }
  /** What stands in the box; absent where the record is too long to be edited here. */
  readonly draft?: string
  /** A single row of a table whose conversations are several rows. */
  readonly isLoneRow: boolean
}

interface Props extends Frame {
  run: Pick<RunSummary, 'id' | 'datasets'>
  record: RecordView
  mayWrite: boolean
  problem?: string | undefined
  now: Date
}

const Source = ({ source }: { source: SourceExcerpt }) => (
  <>
    {/* biome-ignore lint/a11y/useSemanticElements: a fieldset groups controls, this is text to scroll by keyboard */}
    <div class="sides__body" role="group" tabindex={0} aria-labelledby="source">
      <pre class="code code--wrap source">
        {source.isCutBefore ? <span class="c">… </span> : null}
        {source.before}
        {source.marked === '' ? <mark class="source__end">ends here</mark> : <mark>{source.marked}</mark>}
        {source.after}
        {source.isCutAfter ? <span class="c"> …</span> : null}
      </pre>
    </div>
    {source.isCutBefore || source.isCutAfter ? (
      <p class="muted">Only the part around the mark is shown; the record goes on where it says “…”.</p>
    ) : null}
  </>
)

/** What stays is shown as far as it helps to find the place. */
const context = 160

const Kept = ({ text }: { text: string }) => {
  const isLong = text.length > 2 * context + 40
  return (
    <>
      {isLong ? text.slice(0, context) : text}
      {isLong ? (
        <>
          <span class="c"> … {number(text.length - 2 * context)} characters as they are … </span>
          {text.slice(-context)}
        </>
      ) : null}
    </>
  )
}

const shortened = (text: string): string => (text.length <= 2_000 ? text : `${text.slice(0, 2_000)} …`)

const Proposal = ({ pieces, more }: { pieces: readonly Piece[]; more: number }) => (
  <>
    {/* biome-ignore lint/a11y/useSemanticElements: a fieldset groups controls, this is text to scroll by keyboard */}
    <div class="sides__body" role="group" tabindex={0} aria-labelledby="proposal">
      <pre class="code code--wrap">
        {pieces.map(({ kind, text }) =>
          kind === 'kept' ? (
            <Kept text={text} />
          ) : kind === 'cut' ? (
            <del>{shortened(text)}</del>
          ) : (
            <ins>{shortened(text)}</ins>
          ),
        )}
      </pre>
    </div>
    {more > 0 ? (
      <p class="muted">
        {number(more)} more places like these follow; the whole text stands in the box below once the repair
        is applied.
      </p>
    ) : null}
  </>
)

/** `GET /runs/:id/quarantine/:datasetId/:ordinal`: one record kept aside, why, and what can be done about it. */
export const QuarantineRecordPage = ({ run, record, mayWrite, problem, now, ...frame }: Props) => {
  const { stage, reason, repair, proposal, source, draft } = record
  const { title, todo } = reasonSentence(reason)
  const dataset = datasetOf(run, record.datasetId)
  const list = quarantineHref(run.id, { stage, reason })
  const action = `/runs/${run.id}/quarantine/${record.datasetId}/${record.ordinal}/repair`
  const keys = { hasShortcuts: hasShortcuts(frame.viewer) }
  const problems = problem === undefined ? [] : [{ field: 'text', message: problem }]
  return (
    <Shell frame={frame} title={`Record ${number(record.ordinal + 1)} in quarantine`} place="runs">
      <PageHead
        title={`Record ${number(record.ordinal + 1)}`}
        crumbs={[
          { text: 'Runs', href: '/runs' },
          { text: runTitle(run.datasets), href: `/runs/${run.id}` },
          { text: 'Quarantine', href: `/runs/${run.id}/quarantine` },
          { text: title, href: list },
        ]}
        meta={
          <span>
            {number(record.index)} of {number(record.of)} with this reason
          </span>
        }
        actions={
          <>
            {record.previous === undefined ? null : (
              <RecordStep href={record.previous} rel="prev" {...keys} />
            )}
            {record.next === undefined ? null : <RecordStep href={record.next} rel="next" {...keys} />}
          </>
        }
      />
      <ErrorSummary title="The repair was not saved" problems={problems} />
      {repair === undefined ? (
        <Notice state="degraded">
          <b>{title}.</b> {todo}
        </Notice>
      ) : (
        <Notice
          state="healthy"
          actions={
            mayWrite && repair.isOwn ? (
              <form method="post" action={`${action}/removal`}>
                <button class="button button--s" type="submit">
                  Take back
                </button>
              </form>
            ) : undefined
          }
        >
          <b>Repaired</b> {repair.kind === 'proposed' ? 'as proposed' : 'by hand'} by {repair.madeBy},{' '}
          <RelativeTime at={repair.madeAt} now={now} />
          {repair.isOwn
            ? '. The next run that goes on from this one reads the repair instead of the record.'
            : ', under a run that this one goes on from: its repair was read. Repair it again if that was not enough.'}
        </Notice>
      )}
      <Section id="place" title="Where it stands">
        <Facts
          facts={[
            {
              label: 'Reason',
              value: (
                <>
                  {title} <span class="id">{reason}</span>
                </>
              ),
            },
            { label: 'Stage', value: stageName[stage] },
            ...(dataset === undefined
              ? []
              : [{ label: 'Dataset', value: <a href={`/datasets/${record.datasetId}`}>{dataset}</a> }]),
            { label: 'File', value: record.file },
            { label: 'Line', value: record.line === null ? 'none' : number(record.line) },
            { label: 'Byte', value: number(record.byteOffset) },
          ]}
        />
      </Section>
      <Section
        id="source"
        title={source?.isRendered === true ? 'The record as it was read' : 'The record in its file'}
        note="The file itself is never changed."
      >
        {source === undefined ? (
          <p>{record.unreadable ?? 'Its text cannot be shown.'}</p>
        ) : (
          <Source source={source} />
        )}
      </Section>
      {proposal === undefined || !mayWrite ? null : (
        <Section id="proposal" title="Proposed repair" note="Only its writing changes; every word stays.">
          <Proposal pieces={proposal} more={record.morePieces ?? 0} />
          <form class="repair" method="post" action={action}>
            <input type="hidden" name="kind" value="proposed" />
            <button class="button button--primary" type="submit">
              Apply this repair
            </button>
          </form>
        </Section>
      )}
      {!mayWrite ? null : (
        <Section id="edit" title={repair === undefined ? 'Repair it by hand' : 'Change the repair'}>
          {draft === undefined ? (
            <p>
              This record is too long to be edited here. Correct it in its file and upload the file again.
            </p>
          ) : (
            <form class="repair" method="post" action={action} enctype="multipart/form-data">
              <input type="hidden" name="kind" value="edited" />
              <Field
                id="text"
                label="What the record should say, as JSON"
                hint={
                  record.isLoneRow
                    ? 'A list of rows: they become a conversation of their own, beside the one this row was missing from.'
                    : undefined
                }
                problem={problemOf(problems, 'text')}
                control={(tied) => (
                  <textarea class="textarea repair__text" name="text" rows={14} spellcheck={false} {...tied}>
                    {`\n${draft}`}
                  </textarea>
                )}
              />
              <button class="button" type="submit">
                Save repair
              </button>
            </form>
          )}
        </Section>
      )}
    </Shell>
  )
}
