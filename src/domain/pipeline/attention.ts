import type { RunSummary } from './run-view.ts'

/** Something on the overview that waits for a person: a sentence, since when, and where to go. */
export interface AttentionItem {
  readonly id: string
  readonly state: 'failed' | 'degraded' | 'unknown'
  /** What happened, in one line. */
  readonly title: string
  /** Because of what, and what to do next. */
  readonly detail: string
  readonly href: string
  /** Null where it has no single moment. */
  readonly since: Date | null
}

/** What waits for a person; of each kind only the first few. */
export interface Attention {
  readonly items: readonly AttentionItem[]
  readonly hasMore: boolean
}

export const failedRun = (run: RunSummary): AttentionItem => ({
  id: run.id,
  state: 'failed',
  title: `Run of ${namesOf(run)} failed`,
  detail: run.problem ?? 'What was done is kept; resume goes on from there.',
  href: `/runs/${run.id}`,
  since: run.finishedAt,
})

export const quarantinedRecords = (run: RunSummary): AttentionItem => ({
  id: run.id,
  state: 'degraded',
  title: `${run.quarantined.toLocaleString('en')} ${run.quarantined === 1 ? 'record' : 'records'} quarantined in ${namesOf(run)}`,
  detail: 'Each is kept with its position and reason; the others went on.',
  href: `/runs/${run.id}/quarantine`,
  since: run.finishedAt,
})

/** A dataset whose retention ends soon. */
export const dueDataset = (dataset: {
  readonly id: string
  readonly name: string
  readonly at: Date
}): AttentionItem => ({
  id: dataset.id,
  state: 'degraded',
  title: `${dataset.name} is deleted on ${dataset.at.toISOString().slice(0, 10)}`,
  detail: 'Its retention ends then. Download what you need, or keep it longer on its page.',
  href: `/datasets/${dataset.id}#retention`,
  since: null,
})

const namesOf = (run: RunSummary): string => run.datasets.map(({ name }) => name).join(', ')

/** A dataset whose detection is too unsure to run by itself, and which nobody has looked at. */
export interface UnsureDataset {
  readonly id: string
  readonly name: string
  /** Of its least sure file, 0 to 1. */
  readonly confidence: number
  readonly createdAt: Date
}

export const unsureDataset = ({ id, name, confidence, createdAt }: UnsureDataset): AttentionItem => ({
  id,
  state: 'unknown',
  title: `Confirm how ${name} is read`,
  detail: `Detection is only ${Math.round(confidence * 1000) / 10}\u00a0% sure, too little to run by itself. Check the mapping, correct it where needed, and save it.`,
  href: `/datasets/${id}/mapping`,
  since: createdAt,
})
