import type { RunConfiguration } from './run.ts'

export type ConfigurationField = keyof RunConfiguration

/** One thing that a run does otherwise than the one it goes on from. */
export interface ConfigurationChange {
  readonly field: ConfigurationField
  readonly before: string
  readonly after: string
}

/**
 * What differs between two configurations, in the order of their fields. The order within a list is no difference: it
 * changes nothing that a run does.
 * @param inWords how a field is said to people
 */
export function configurationDifference(
  before: RunConfiguration,
  after: RunConfiguration,
  inWords: (field: ConfigurationField, configuration: RunConfiguration) => string,
): ConfigurationChange[] {
  return fields
    .filter((field) => comparable(before[field]) !== comparable(after[field]))
    .map((field) => ({ field, before: inWords(field, before), after: inWords(field, after) }))
}

const fields = [
  'mode',
  'threshold',
  'checks',
  'redact',
  'targets',
  'formats',
] as const satisfies readonly ConfigurationField[]

const comparable = (value: RunConfiguration[ConfigurationField]): string =>
  JSON.stringify(Array.isArray(value) ? [...value].sort() : value)
