import type { SampleView } from '../../domain/datasets/first-records.ts'
import type { DatasetView } from '../../domain/datasets/summaries.ts'
import { reasonSentence } from '../../domain/pipeline/reasons.ts'
import { Empty } from '../components/empty.tsx'
import { number, plural } from '../components/format.ts'
import { Notice } from '../components/notice.tsx'
import { RecordStep } from '../components/record-step.tsx'
import { Section } from '../components/section.tsx'

type Conversation = NonNullable<SampleView['conversation']>

const Turn = ({ message }: { message: Conversation['messages'][number] }) => (
  <li class="turn" data-role={message.role}>
    <span class="turn__role">
      {message.role}
      {message.name === undefined ? null : <span class="muted"> {message.name}</span>}
    </span>
    <div class="turn__text" dir="auto">
      {message.content === '' ? <span class="muted">no text</span> : message.content}
      {(message.toolCalls ?? []).map((call) => (
        <pre class="code code--wrap">
          {call.name}({call.arguments})
        </pre>
      ))}
    </div>
  </li>
)

const Turns = ({ conversation }: { conversation: Conversation }) => (
  <ol class="turns">
    {conversation.messages.map((message) => (
      <Turn message={message} />
    ))}
  </ol>
)

const where = ({ line, byteOffset, units }: SampleView): string =>
  [
    line === null ? null : `line ${number(line)}`,
    `byte ${number(byteOffset)}`,
    units > 1 ? plural(units, 'row') : null,
  ]
    .filter((part) => part !== null)
    .join(', ')

interface Props {
  datasetId: string
  sample: DatasetView['sample']
  hasShortcuts: boolean
}

/** One of the first records as uploaded and, beside it, as the mapping reads it. */
export const Sample = ({ datasetId, sample, hasShortcuts }: Props) => {
  if (sample === null || sample === 'damaged' || 'unread' in sample) {
    return (
      <Section id="sample" title="First records">
        {sample === null ? (
          <Empty>No record could be read yet.</Empty>
        ) : sample !== 'damaged' ? (
          <div class="notices">
            <Notice state="degraded">{sample.unread}</Notice>
          </div>
        ) : (
          <div class="notices">
            <Notice state="failed">
              The source does not open: it, or the key of this dataset, is damaged or missing in the vault.
              Ask an operator to restore it from a backup; npm run vault -- verify says what is damaged.
            </Notice>
          </div>
        )}
      </Section>
    )
  }
  const link = (index: number) => `/datasets/${datasetId}?sample=${index}#sample`
  const { title, todo } = reasonSentence(sample.reason ?? 'not-a-conversation')
  return (
    <Section
      id="sample"
      title={`Record ${number(sample.index)} of the first ${number(sample.of)}, before and after`}
      note={where(sample)}
      more={
        <div class="actions">
          {sample.index > 1 ? (
            <RecordStep href={link(sample.index - 1)} rel="prev" hasShortcuts={hasShortcuts} />
          ) : null}
          {sample.index < sample.of ? (
            <RecordStep href={link(sample.index + 1)} rel="next" hasShortcuts={hasShortcuts} />
          ) : null}
        </div>
      }
    >
      <div class="split split--even sides">
        <div>
          <h3 class="sides__head" id="sample-raw">
            As uploaded
          </h3>
          <section class="sides__body" tabindex={0} aria-labelledby="sample-raw">
            <pre class="code code--wrap">{sample.raw}</pre>
          </section>
          {sample.rawCut ? <p class="muted">Cut here; the record goes on.</p> : null}
        </div>
        <div>
          <h3 class="sides__head" id="sample-after">
            As a conversation
          </h3>
          {sample.conversation === null ? (
            <Notice state="degraded">
              <b>{title}.</b> {todo}
            </Notice>
          ) : (
            <section class="sides__body" tabindex={0} aria-labelledby="sample-after">
              <Turns conversation={sample.conversation} />
            </section>
          )}
          {sample.conversationCut ? <p class="muted">Cut here; the conversation goes on.</p> : null}
        </div>
      </div>
    </Section>
  )
}
