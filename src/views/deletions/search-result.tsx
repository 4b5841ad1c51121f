import { type Deletion, removableRecords, type SearchScope } from '../../domain/deletion/deletion.ts'
import { exactTime, plural } from '../components/format.ts'
import { Section } from '../components/section.tsx'

/** Asks whether the records that a search found are to go. */
export const Confirm = ({ deletion }: { deletion: Deletion }) => {
  const records = removableRecords(deletion)
  return (
    <Section id="confirm" title="Remove these records?">
      <div class="stack stack--s">
        <p>
          {plural(records, 'record')} {records === 1 ? 'goes' : 'go'} from the sources for good. The other
          records keep their numbers. Everything made from these sources goes as well: results, exports and
          intermediates of their runs. Run them again afterwards. A Parquet file that holds such records
          becomes JSON Lines.
        </p>
        <div class="actions">
          <form method="post" action={`/admin/deletions/${deletion.id}/confirmation`}>
            <button class="button button--danger-primary" type="submit">
              Remove the records
            </button>
          </form>
          <Discard deletion={deletion} text="Remove nothing" />
        </div>
      </div>
    </Section>
  )
}

const Discard = ({ deletion, text }: { deletion: Deletion; text: string }) => (
  <form method="post" action={`/admin/deletions/${deletion.id}/discarding`}>
    <button class="button button--quiet" type="submit">
      {text}
    </button>
  </form>
)

interface Props {
  deletion: Deletion
  scope: SearchScope | undefined
}

/** In place of the question, where a search found nothing that could be removed: what was looked for, and what to do. */
export const FoundNothing = ({ deletion, scope }: Props) => {
  const { searched, unsearched } = scope ?? { searched: 0, unsearched: 0 }
  const untreated = deletion.datasets.length
  return (
    <Section id="nothing" title="Nothing was found that could be removed">
      <div class="stack stack--s">
        <p>
          {searched === 0
            ? 'No mapping names a subject, so there was nothing to look into.'
            : `${plural(searched, 'dataset')} ${searched === 1 ? 'names' : 'name'} a subject in the mapping. None of those that could be looked through holds a record about the one that was asked for.`}{' '}
          What was looked for is the subject id typed on{' '}
          <time datetime={deletion.requestedAt.toISOString()}>{exactTime(deletion.requestedAt)}</time>, as a
          whole. It is kept nowhere, so it cannot be shown again.
        </p>
        <ul class="bullets">
          <li>
            Compare the id with the sources: upper and lower case differ, and 7 is not 007. Then search again.
          </li>
          {unsearched === 0 ? null : (
            <li>
              {plural(unsearched, 'dataset')} {unsearched === 1 ? 'was' : 'were'} left out, because{' '}
              {unsearched === 1 ? 'its mapping names' : 'their mappings name'} no subject. Name it on the page
              of the mapping, then search again.
            </li>
          )}
          {untreated === 0 ? null : (
            <li>
              {plural(untreated, 'dataset')} below may still hold some: what is to be done stands there.
            </li>
          )}
        </ul>
        <div class="actions">
          <a class="button button--primary" href="/admin/subjects">
            Search again
          </a>
          <Discard deletion={deletion} text="Discard this search" />
        </div>
      </div>
    </Section>
  )
}
