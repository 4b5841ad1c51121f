import { shownState } from '../../domain/flows/diagram/diagram-states.ts'
import type { ProcessAssessment } from '../../domain/flows/state/assess-flow.ts'
import { roleInWords } from '../../domain/flows/state/headline.ts'
import type { State as FlowState } from '../../domain/flows/state/state.ts'
import type { MarkState } from '../components/mark.tsx'
import { State } from '../components/state.tsx'

/** The mark of a state. */
export const markOfState = {
  HEALTHY: 'healthy',
  DEGRADED: 'degraded',
  UNKNOWN: 'unknown',
  FAILED: 'failed',
} as const satisfies Record<FlowState, MarkState>

interface Props {
  process: ProcessAssessment
  /** All of the flow, for the names of causes. */
  processes: readonly ProcessAssessment[]
}

/** State and role of a process: mark, word, and because of whom. */
export const ProcessState = ({ process, processes }: Props) => {
  const role = roleInWords(process, processes)
  const isAtRisk = process.role === 'at_risk'
  const more = [
    ...(isAtRisk || role === '' ? [] : [role]),
    ...(process.confirming === undefined
      ? []
      : [`failing, ${process.confirming.count} of ${process.confirming.of}`]),
    ...(process.flapping ? ['flapping'] : []),
  ].join(', ')
  return (
    <>
      <State state={shownState(process)} more={more === '' ? undefined : more} />
      {isAtRisk ? <State state="at-risk" word={role.charAt(0).toUpperCase() + role.slice(1)} /> : null}
    </>
  )
}
