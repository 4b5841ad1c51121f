import type { Mistake } from '../../domain/flows/configuration/located.ts'
import type { Flow } from '../../domain/flows/flow.ts'
import { type HandState, handStates } from '../../domain/flows/state/assess-by-hand.ts'
import type { FlowAssessment } from '../../domain/flows/state/assess-flow.ts'
import { ErrorSummary, type FormProblem, problemOf } from '../components/error-summary.tsx'
import { Field, Select } from '../components/field.tsx'
import { plural } from '../components/format.ts'
import { Notice } from '../components/notice.tsx'
import { PageHead } from '../components/page-head.tsx'
import { Section } from '../components/section.tsx'
import { Plate } from '../components/state.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { type Drawn, DrawnFlow } from './flow-drawing.tsx'
import { MistakeTable } from './mistakes.tsx'
import { markOfState } from './process-state.tsx'

/** A flow that is right, with the states that were set. */
export interface TriedFlow {
  readonly flow: Flow
  readonly assessment: FlowAssessment
  readonly given: ReadonlyMap<string, HandState>
  readonly drawn: Drawn
}

interface Props extends Frame {
  text: string
  mistakes: readonly Mistake[]
  tried: TriedFlow | undefined
  problems?: readonly FormProblem[] | undefined
}

const stateWords = {
  healthy: 'Healthy',
  degraded: 'Degraded',
  failed: 'Failed',
  unknown: 'Unknown',
  starved: 'Starved (failed, nothing arrives)',
} as const satisfies Record<HandState, string>

/** `GET` and `POST /flows/try`: a flow file is checked and drawn, with states set by hand. Nothing runs, nothing is kept. */
export const TryPage = ({ text, mistakes, tried, problems = [], ...frame }: Props) => {
  const errors = mistakes.filter(({ severity }) => severity === 'error').length
  return (
    <Shell frame={frame} title="Try a flow file" place="flows">
      <PageHead
        title="Try a flow file"
        crumbs={[{ text: 'Flows', href: '/flows' }, { text: 'Try' }]}
        meta={
          <span>
            It is checked and drawn. Nothing of it runs, nothing is kept, and variables have only their
            defaults.
          </span>
        }
      />
      <ErrorSummary title="This could not be tried" problems={problems} />
      <form method="post" action="/flows/try">
        <div class="try">
          <div>
            <Field
              id="text"
              label="Flow, as YAML or JSON"
              hint="At most 256 KiB. docs/flows.md says every key."
              problem={problemOf(problems, 'text')}
              control={(tied) => (
                <textarea
                  class="textarea try__text"
                  name="text"
                  rows={26}
                  spellcheck={false}
                  wrap="off"
                  {...tied}
                >
                  {`\n${text}`}
                </textarea>
              )}
            />
            <div class="actions try__actions">
              <button class="button button--primary" type="submit">
                Check and draw
              </button>
            </div>
          </div>
          {tried === undefined ? null : <States tried={tried} />}
        </div>
      </form>
      {mistakes.length === 0 ? null : (
        <Section
          id="mistakes"
          title="What is wrong"
          note={
            errors === 0
              ? 'warnings only: the file would be taken over'
              : `${plural(errors, 'error')}: the file would be refused`
          }
        >
          <MistakeTable mistakes={mistakes} text={text} labelledBy="mistakes" />
        </Section>
      )}
      {tried === undefined ? null : (
        <Section id="outcome" title="What the board would say">
          {mistakes.length > 0 ? null : (
            <div class="notices">
              <Notice state="healthy">
                {`The file is right: ${plural(tried.flow.processes.length, 'process', 'processes')}, ${plural(tried.flow.checks.length, 'check')}.`}
              </Notice>
            </div>
          )}
          <div class="flow-headline" data-state={markOfState[tried.assessment.state]}>
            <Plate state={markOfState[tried.assessment.state]} />
            <p>{tried.assessment.sentence}</p>
          </div>
          {/* biome-ignore lint/a11y/useSemanticElements: a drawing that scrolls in its own box */}
          <div class="flow-frame" role="region" aria-label="Diagram" tabindex={0}>
            <DrawnFlow drawn={tried.drawn} />
          </div>
        </Section>
      )}
    </Shell>
  )
}

const States = ({ tried: { flow, given } }: { tried: TriedFlow }) => (
  <fieldset class="try__states">
    <legend>States by hand</legend>
    {flow.processes.map(({ id, name }) => (
      <div class="try__state">
        <label for={`state-${id}`}>{name}</label>
        <Select
          tied={{ id: `state-${id}` }}
          name={`state.${id}`}
          value={given.get(id) ?? 'healthy'}
          options={handStates.map((value) => ({ value, label: stateWords[value] }))}
        />
      </div>
    ))}
    <button class="button" type="submit">
      Show
    </button>
  </fieldset>
)
