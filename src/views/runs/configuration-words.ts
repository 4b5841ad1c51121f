import type { ConfigurationField } from '../../domain/pipeline/configuration-difference.ts'
import type { RunConfiguration } from '../../domain/pipeline/run.ts'
import { score } from '../components/format.ts'
import { formatName, modeName, redactionName, targetName } from '../names.ts'

/** What a run was told to do, for people; in the order it is shown. */
export const configurationLabels: Readonly<Record<ConfigurationField, string>> = {
  mode: 'Mode',
  threshold: 'Threshold',
  checks: 'Checks',
  redact: 'Redacted',
  targets: 'Targets',
  formats: 'Formats',
}

export const configurationFields: readonly ConfigurationField[] = [
  'mode',
  'threshold',
  'checks',
  'redact',
  'targets',
  'formats',
]

/** One field of a configuration in words. */
export function configurationWords(field: ConfigurationField, it: RunConfiguration): string {
  switch (field) {
    case 'mode':
      return modeName[it.mode]
    case 'threshold':
      return score(it.threshold)
    case 'checks':
      return typeof it.checks === 'string' ? it.checks : it.checks.join(', ')
    case 'redact':
      return it.redact.length === 0 ? 'nothing' : it.redact.map((kind) => redactionName[kind]).join(', ')
    case 'targets':
      return it.targets.map((target) => targetName[target]).join(', ')
    case 'formats':
      return it.formats.map((format) => formatName[format]).join(', ')
  }
}
