import type { RetentionSettings } from '../../domain/deletion/retention.ts'
import { ErrorSummary, type FormProblem, problemOf } from '../components/error-summary.tsx'
import { Field, Select } from '../components/field.tsx'
import { PageHead } from '../components/page-head.tsx'
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
          <Field
            id="kind"
            label="Without a rule of its own a dataset is kept"
            problem={problemOf(problems, 'kind')}
            control={(tied) => (
              <Select
                tied={tied}
                name="kind"
                value={values.kind}
                options={[
                  { value: 'forever', label: 'Forever' },
                  { value: 'after-upload', label: 'For days after the upload' },
                  { value: 'after-last-run', label: 'For days after the last run' },
                ]}
              />
            )}
          />
          <Field
            id="days"
            label="Days"
            optional
            problem={problemOf(problems, 'days')}
            control={(tied) => (
              <input
                class="input"
                name="days"
                inputmode="numeric"
                maxlength={6}
                value={values.days}
                {...tied}
              />
            )}
          />
          <Field
            id="maximumDays"
            label="At most, in days after the upload"
            optional
            hint="No rule keeps a dataset longer; only a legal hold does. Empty: no maximum."
            problem={problemOf(problems, 'maximumDays')}
            control={(tied) => (
              <input
                class="input"
                name="maximumDays"
                inputmode="numeric"
                maxlength={6}
                value={values.maximumDays}
                {...tied}
              />
            )}
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
