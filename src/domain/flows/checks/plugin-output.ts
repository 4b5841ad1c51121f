import type { PerformanceDatum } from './check-result.ts'

export interface PluginOutput {
  /** The first line that says something, without its performance data. */
  readonly summary: string
  readonly details: string
  readonly performance: readonly PerformanceDatum[]
}

/** Reads the output of a plugin (Monitoring Plugins guideline): text, `|`, performance data, over several lines. */
export function parsePluginOutput(output: string): PluginOutput {
  const [first = '', ...rest] = output.trimStart().split(/\r?\n/)
  const bar = first.indexOf('|')
  const later = rest.join('\n')
  const laterBar = later.indexOf('|')
  const data = [bar < 0 ? '' : first.slice(bar + 1), laterBar < 0 ? '' : later.slice(laterBar + 1)].join(' ')
  return {
    summary: (bar < 0 ? first : first.slice(0, bar)).trim(),
    details: (laterBar < 0 ? later : later.slice(0, laterBar)).trim(),
    performance: parsePerformance(data),
  }
}

/** `'label'=value[unit];[warn];[crit];[min];[max]`; what does not follow the form, or is `U`, is left out. */
function parsePerformance(text: string): PerformanceDatum[] {
  const found: PerformanceDatum[] = []
  for (const [word] of text.matchAll(words)) {
    const [, quotedLabel, label, given = '', unit = ''] = datum.exec(word) ?? []
    const value = Number(given.replace(',', '.'))
    if (given === '' || !Number.isFinite(value)) continue
    found.push({ label: quotedLabel?.replaceAll("''", "'") ?? label ?? '', value, unit })
    if (found.length === 100) break
  }
  return found
}

/**
 * Both take time in proportion to the text, whatever it is: a plugin that prints 64 KiB without a space must not keep all
 * else waiting. So words are cut first, with what is quoted in one piece, and a datum is looked for at their beginning.
 */
const words = /(?:'(?:[^']|'')*'|[^\s'])+/g
const datum =
  /^(?:'((?:[^']|'')*)'|([^'=]+))=([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?)([A-Za-z%µ]{0,5})(?:;|$)/
