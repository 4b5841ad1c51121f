import type { RetentionSettings } from '../../domain/deletion/retention.ts'
import { ErrorSummary, type FormProblem } from '../components/error-summary.tsx'
import { PageHead } from '../components/page-head.tsx'
import { DaysField, RetentionFields } from '../components/retention-fields.tsx'
import { Section } from '../components/section.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { AdminTabs } from './admin-tabs.tsx'

interface Props extends Frame {
  settings: RetentionSettings
  /** What was typed when it was refused, and why. */
  typed?: { readonly kind: string; readonly days: string; readonly maximumDays: string } | undefined
  problems?: readonly FormProblem[] | undefined
}

/** `GET /admin/retention`: what holds where a dataset has no rule of its own, and what no rule exceeds. */
export const RetentionPage = ({ settings, typed, problems = [], ...frame }: Props) => {
  const { rule, maximumDays } = settings
  const values = typed ?? {
    kind: rule.kind,
    days: rule.kind === 'forever' ? '' : String(rule.days),
    maximumDays: maximumDays === undefined ? '' : String(maximumDays),
  }
  return (
    <Shell frame={frame} title="Retention" place="admin">
      <PageHead title="Retention" />
      <AdminTabs current="retention" role={frame.viewer?.role} />
      <Section
        id="retention"
        title="How long datasets are kept"
        note="People are warned 14 days before anything goes, also after a change here."
      >
        <ErrorSummary title="Nothing was changed" problems={problems} />
        <form method="post" action="/admin/retention" class="stack stack--s">
          <RetentionFields
            label="Without a rule of its own a dataset is kept"
            values={values}
            problems={problems}
          />
          <DaysField
            name="maximumDays"
            label="At most, in days after the upload"
            hint="No rule keeps a dataset longer; only a legal hold does. Empty: no maximum."
            value={values.maximumDays}
            problems={problems}
          />
          <p class="actions">
            <button class="button button--primary" type="submit">
              Change retention
            </button>
          </p>
        </form>
      </Section>
    </Shell>
  )
}
