import {
  type Due,
  isNear,
  type RetentionRule,
  type RetentionSettings,
} from '../../domain/deletion/retention.ts'
import { ErrorSummary, type FormProblem, problemOf } from '../components/error-summary.tsx'
import { Facts } from '../components/facts.tsx'
import { Field } from '../components/field.tsx'
import { day, plural } from '../components/format.ts'
import { Notice } from '../components/notice.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { RetentionFields } from '../components/retention-fields.tsx'
import { Section } from '../components/section.tsx'

export interface RetentionView {
  readonly rule: RetentionRule | undefined
  readonly settings: RetentionSettings
  readonly due: Due | undefined
  readonly held: { readonly at: Date; readonly by: string } | undefined
  readonly canEdit: boolean
  readonly canHold: boolean
}

/** A rule in words. */
function ruleText(rule: RetentionRule): string {
  switch (rule.kind) {
    case 'forever':
      return 'forever'
    case 'after-upload':
      return `${plural(rule.days, 'day')} after the upload`
    case 'after-last-run':
      return `${plural(rule.days, 'day')} after the last run`
    case 'until':
      return `until ${day(rule.until)}`
  }
}

const dueText = {
  own: 'by its own rule',
  default: 'by the default of this portal',
  maximum: 'because nothing may be kept longer here',
} as const satisfies Record<Due['because'], string>

/** Said at the head of a dataset's page while its end is near. */
export const DueNotice = ({ due, now }: { due: Due | undefined; now: Date }) =>
  isNear(due, now) ? (
    <div class="notices">
      <Notice state="degraded">
        This dataset is deleted on {day(due.at)}, {dueText[due.because]}, with its runs and exports. Download
        what you need, or <a href="#retention">keep it longer</a>.
      </Notice>
    </div>
  ) : null

interface Props {
  datasetId: string
  retention: RetentionView
  /** What was typed when it was refused, and why. */
  typed?: { readonly kind: string; readonly days: string; readonly until: string } | undefined
  problems?: readonly FormProblem[] | undefined
  now: Date
}

/** How long a dataset is kept, the form that changes it, and the legal hold. */
export const RetentionSection = ({ datasetId, retention, typed, problems = [], now }: Props) => {
  const { rule, settings, due, held, canEdit, canHold } = retention
  const kept = rule === undefined ? `${ruleText(settings.rule)} (the default)` : ruleText(rule)
  const values = typed ?? {
    kind: rule?.kind ?? 'default',
    days: rule !== undefined && 'days' in rule ? String(rule.days) : '',
    until: rule?.kind === 'until' ? rule.until.toISOString().slice(0, 10) : '',
  }
  return (
    <Section id="retention" title="Retention">
      <ErrorSummary title="Nothing was changed" problems={problems} />
      <div class="stack">
        <Facts
          facts={[
            { label: 'Kept', value: kept },
            ...(settings.maximumDays === undefined
              ? []
              : [{ label: 'At most', value: `${plural(settings.maximumDays, 'day')} after the upload` }]),
            {
              label: 'Deleted',
              value:
                held !== undefined
                  ? 'not while it is under a legal hold'
                  : due === undefined
                    ? 'never by itself'
                    : `on ${day(due.at)}, ${dueText[due.because]}`,
            },
            {
              label: 'Legal hold',
              value:
                held === undefined ? (
                  'no'
                ) : (
                  <>
                    since <RelativeTime at={held.at} now={now} />, by {held.by}: nothing deletes it
                  </>
                ),
            },
          ]}
        />
        {canEdit ? (
          <form method="post" action={`/datasets/${datasetId}/retention`} class="stack stack--s">
            <RetentionFields
              label="Keep it"
              values={values}
              problems={problems}
              hint="For the two choices that count days."
              before={[{ value: 'default', label: `As the default says: ${ruleText(settings.rule)}` }]}
              after={[{ value: 'until', label: 'Until a day' }]}
            />
            <Field
              id="until"
              label="Day"
              optional
              hint="At least 14 days ahead: so long its pages and the overview warn before it goes."
              problem={problemOf(problems, 'until')}
              control={(tied) => (
                <input class="input input--date" type="date" name="until" value={values.until} {...tied} />
              )}
            />
            <p class="actions">
              <button class="button" type="submit">
                Change retention
              </button>
            </p>
          </form>
        ) : null}
        {canHold ? (
          <form method="post" action={`/datasets/${datasetId}/hold${held === undefined ? '' : '/removal'}`}>
            <p class="actions">
              <button class="button" type="submit">
                {held === undefined ? 'Put under a legal hold' : 'Lift the legal hold'}
              </button>
            </p>
          </form>
        ) : null}
      </div>
    </Section>
  )
}
