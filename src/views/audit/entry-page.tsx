import { actionWords } from '../../domain/audit/actions.ts'
import type { AuditRow, EntryView, ProofState } from '../../domain/audit/audit-view.ts'
import { AdminTabs } from '../admin/admin-tabs.tsx'
import { Facts } from '../components/facts.tsx'
import { exactTime, number, plural } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { Section } from '../components/section.tsx'
import { State } from '../components/state.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { AuditTable, OutcomeState } from './audit-table.tsx'

interface Props extends Frame {
  view: EntryView
  /** The entry itself, with names. */
  row: AuditRow
  now: Date
}

/** `GET /admin/audit/:seq`: one entry, what was written, and the proof that it stands in the log unchanged. */
export const EntryPage = ({ view, row, now, ...frame }: Props) => {
  const { entry } = view
  return (
    <Shell frame={frame} title={`Entry ${entry.seq}`} place="audit">
      <PageHead
        title={`Entry ${number(entry.seq)}`}
        crumbs={[{ text: 'Audit log', href: '/admin/audit' }, { text: String(entry.seq) }]}
        meta={actionWords(entry.action)}
      />
      <AdminTabs current="audit" role={frame.viewer?.role} />
      <div class="split split--even">
        <Section id="what" title="What happened">
          <Facts facts={factsOf(view, row)} />
        </Section>
        <Section id="details" title="Details">
          <Details view={view} />
        </Section>
      </div>
      <Section id="proof" title="Proof">
        <div class="proof">
          <Written view={view} />
          <Proven view={view} />
        </div>
      </Section>
      <Section
        id="receipt"
        title="The receipt of this request"
        count={String(view.receipt.length)}
        note="Every entry that the same request made."
      >
        <AuditTable labelledBy="receipt" rows={view.receipt} now={now} />
      </Section>
    </Shell>
  )
}

const factsOf = ({ entry }: EntryView, { actor, object }: AuditRow) => [
  {
    label: 'Who',
    value: (
      <>
        <a href={`/admin/audit?actor=${encodeURIComponent(actor.id)}`}>{actor.name ?? actor.id}</a>{' '}
        <span class="id quiet">{actor.id}</span> ({entry.actorKind})
      </>
    ),
  },
  {
    label: 'What',
    value: (
      <>
        {actionWords(entry.action)} <span class="id quiet">{entry.action}</span>
      </>
    ),
  },
  {
    label: 'Object',
    value: (
      <>
        {entry.objectType}{' '}
        {object.href === null ? object.name : <a href={object.href}>{object.name ?? 'open it'}</a>}{' '}
        <a class="id" href={`/admin/audit?object=${encodeURIComponent(entry.objectId)}`}>
          {entry.objectId}
        </a>
        {entry.objectType === 'dataset' || entry.objectType === 'user' ? (
          <>
            {' '}
            <a href={`/admin/audit?about=${encodeURIComponent(entry.objectId)}`}>Everything about it</a>
          </>
        ) : null}
      </>
    ),
  },
  { label: 'Outcome', value: <OutcomeState outcome={entry.outcome} /> },
  { label: 'When', value: <time datetime={entry.at}>{entry.at}</time> },
  {
    label: 'Request',
    value: (
      <a class="id" href={`/admin/audit?request=${encodeURIComponent(entry.requestId)}`}>
        {entry.requestId}
      </a>
    ),
  },
]

const Details = ({ view: { details, detailsRemovedAt } }: { view: EntryView }) => {
  if (details === null) {
    return (
      <p>
        The details were removed{detailsRemovedAt === null ? '' : ` on ${exactTime(detailsRemovedAt)}`}. The
        entry stays, and its commitment still binds what they said.
      </p>
    )
  }
  if (details.length === 0) return <p class="quiet">None were written.</p>
  return <Facts facts={details.map(([label, value]) => ({ label, value }))} />
}

const Written = ({ view: { entry, canonical, isLeafRight } }: { view: EntryView }) => (
  <div>
    <h3>What was written</h3>
    <pre class="code code--wrap">{canonical}</pre>
    <p>
      {isLeafRight ? (
        <State state="healthy" word="Its hash is the leaf" />
      ) : (
        <State state="failed" word="Its hash is not the leaf: the entry was edited" />
      )}
    </p>
    <Facts
      facts={[
        { label: 'Leaf', value: <span class="id">{entry.leaf}</span> },
        { label: 'Chain', value: <span class="id">{entry.chain}</span> },
        { label: 'Commitment', value: <span class="id">{entry.commitment}</span> },
      ]}
    />
  </div>
)

const Proven = ({ view: { entry, proof } }: { view: EntryView }) => (
  <div>
    <h3>
      <ProofWord proof={proof} />
    </h3>
    {proof.kind !== 'proven' ? null : (
      <>
        <ol class="path" aria-label="Inclusion path">
          <li>
            <span />
            <span>·</span>
            <span title={entry.leaf}>{entry.leaf}</span>
          </li>
          {proof.proof.path.map(({ side, hash }, at) => (
            <li>
              <span>{at + 1}</span>
              <span title={`${side} neighbour`}>{side === 'left' ? 'L' : 'R'}</span>
              <span title={hash}>{hash}</span>
            </li>
          ))}
          <li>
            <span />
            <span>=</span>
            <b title={proof.proof.root}>{proof.proof.root}</b>
          </li>
        </ol>
        <h4>The signed checkpoint</h4>
        <pre class="code code--wrap">{proof.proof.checkpoint}</pre>
        <p class="quiet">
          Checkpoint of {exactTime(proof.proof.signedAt)} over {plural(proof.proof.size, 'entry', 'entries')}.
          Whether its signature is right, <code>npm run audit -- verify</code> says.
        </p>
        <p class="actions">
          <a class="button button--s" href={`/admin/audit/${entry.seq}/proof`}>
            Download the proof
          </a>
        </p>
      </>
    )}
  </div>
)

const ProofWord = ({ proof }: { proof: ProofState }) => {
  switch (proof.kind) {
    case 'proven':
      return (
        <State
          state="healthy"
          word={`Proven: ${plural(proof.proof.path.length, 'hash leads', 'hashes lead')} from it to the signed root`}
        />
      )
    case 'waiting':
      return <State state="queued" word="Waits for the next checkpoint, within a minute" />
    case 'broken':
      return <State state="failed" word="Does not lead to the signed root: run npm run audit -- verify" />
  }
}
