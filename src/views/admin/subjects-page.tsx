import { ErrorSummary, type FormProblem } from '../components/error-summary.tsx'
import { InputField } from '../components/field.tsx'
import { plural } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { Section } from '../components/section.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { AdminTabs } from './admin-tabs.tsx'

interface Props extends Frame {
  /** Datasets that are not searched, because their mapping names no subject. */
  unsearched: number
  problems?: readonly FormProblem[] | undefined
}

/** `GET /admin/subjects`: asks for whose records are looked for. What is typed is never shown again. */
export const SubjectsPage = ({ unsearched, problems = [], ...frame }: Props) => (
  <Shell frame={frame} title="Subjects" place="admin">
    <PageHead title="Subjects" />
    <AdminTabs current="subjects" role={frame.viewer?.role} />
    <Section
      id="search"
      title="Find all records about someone"
      note="First they are counted. Nothing is removed before you confirm it."
    >
      <ErrorSummary title="Nothing was searched" problems={problems} />
      <div class="stack">
        <form method="post" action="/admin/subjects" class="stack stack--s">
          <InputField
            name="subject"
            label="Subject id"
            hint="As the sources say it, in the field that the mapping calls subject. It is kept nowhere, only a keyed hash of it."
            problems={problems}
            maxlength={1000}
            required
            autocomplete="off"
            spellcheck={false}
          />
          <p class="actions">
            <button class="button button--primary" type="submit">
              Search
            </button>
          </p>
        </form>
        {unsearched === 0 ? null : (
          <p class="quiet">
            {plural(unsearched, 'dataset')} cannot be searched:{' '}
            {unsearched === 1 ? 'its mapping names' : 'their mappings name'} no subject. Name it on the page
            of the mapping.
          </p>
        )}
      </div>
    </Section>
  </Shell>
)
