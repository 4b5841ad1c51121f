/** OpenMetrics 1.0, "Overall Structure": the content type MUST be this. */
export const contentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels?: Labels
  readonly value: number
}

/** One of several states, of which exactly one holds. */
export interface StateSample {
  readonly labels?: Labels
  readonly states: readonly string[]
  readonly state: string
}

interface Metadata {
  readonly name: string
  /** A suffix of the name, as in `signalbox_wait_seconds`. */
  readonly unit?: string
  readonly help: string
}

/**
 * A metric family of one of the types that we expose. A counter's name lacks `_total`: the writer adds it. The labels
 * of a summary come with the quantiles, 0 to 1, of each; what had no events has the value NaN.
 */
export type MetricFamily = Metadata &
  (
    | { readonly type: 'gauge' | 'counter'; readonly samples: readonly Sample[] }
    | { readonly type: 'summary'; readonly samples: readonly (Sample & { readonly quantile: number })[] }
    | { readonly type: 'stateset'; readonly samples: readonly StateSample[] }
  )

/**
 * An exposition in the text format ("Text format", "ABNF"): the families one after the other, never interleaved
 * ("MetricFamily"), and `# EOF` at its end ("Overall Structure").
 * @throws Error for what the format forbids: a bug of whoever built the families, never of what was measured
 */
export function writeOpenMetrics(families: readonly MetricFamily[]): string {
  const names = new Set<string>()
  for (const { name } of families) {
    if (names.has(name)) throw new Error(`metric family ${name} is there twice`)
    names.add(name)
  }
  return `${families.map(writeFamily).join('')}# EOF\n`
}

/** "MetricFamily metadata": each line at most once, in the order TYPE, UNIT, HELP. */
function writeFamily(family: MetricFamily): string {
  const { name, type, unit, help } = family
  if (!metricName.test(name)) throw new Error(`${name} is no name of a metric`)
  if (sampleSuffix.test(name)) throw new Error(`${name} ends like the name of a sample`)
  if (unit !== undefined && !name.endsWith(`_${unit}`)) throw new Error(`${name} does not end in its unit`)
  const lines = [`# TYPE ${name} ${type}`]
  if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`)
  lines.push(`# HELP ${name} ${escaped(help)}`, ...writeSeries(family))
  return `${lines.join('\n')}\n`
}

/**
 * The lines of the samples, which are the same in the older text format.
 * @throws Error for a series that is there twice
 */
export function writeSeries(family: MetricFamily): string[] {
  const seen = new Set<string>()
  return writeSamples(family).map(({ name, labels, value }) => {
    if (seen.has(labels)) throw new Error(`${family.name}${labels} is there twice`)
    seen.add(labels)
    return `${name}${labels} ${writeNumber(value)}`
  })
}

function writeSamples(family: MetricFamily): { name: string; labels: string; value: number }[] {
  switch (family.type) {
    // "Gauge": the sample has no suffix.
    case 'gauge':
      return family.samples.map(({ labels, value }) => ({
        name: family.name,
        labels: writeLabels(labels),
        value,
      }))
    // "Counter": the sample ends in `_total`, and is neither NaN nor negative.
    case 'counter':
      return family.samples.map(({ labels, value }) => {
        if (!(value >= 0)) throw new Error(`${family.name} counts ${value}`)
        return { name: `${family.name}_total`, labels: writeLabels(labels), value }
      })
    // "Summary": a set of quantiles under a label of that name; count and sum may be left out.
    case 'summary':
      return family.samples.map(({ labels, quantile, value }) => {
        if (labels?.quantile !== undefined) throw new Error(`${family.name} sets the label quantile itself`)
        if (!(quantile >= 0 && quantile <= 1)) throw new Error(`${quantile} is no quantile`)
        if (value < 0) throw new Error(`${family.name} has a negative quantile`)
        return {
          name: family.name,
          labels: writeLabels({ ...labels, quantile: canonicalNumber(quantile) }),
          value,
        }
      })
    // "StateSet": a sample a state, under a label that is called like the family; no unit.
    case 'stateset':
      if (family.unit !== undefined) throw new Error(`${family.name} is a state set with a unit`)
      return family.samples.flatMap(({ labels, states, state }) => {
        if (!states.includes(state)) throw new Error(`${family.name} knows no state ${state}`)
        if (labels?.[family.name] !== undefined) throw new Error(`${family.name} sets its own label itself`)
        return states.map((each) => ({
          name: family.name,
          labels: writeLabels({ ...labels, [family.name]: each }),
          value: each === state ? 1 : 0,
        }))
      })
  }
}

/** "Label" of the ABNF. */
function writeLabels(labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    if (!labelName.test(name)) throw new Error(`${name} is no name of a label`)
    return `${name}="${escaped(value)}"`
  })
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** "Escaping": the same three characters in the values of labels and in HELP. */
const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

/** "Numbers": JavaScript's shortest rendering is one of those the ABNF knows, but for the infinities. */
function writeNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}

/** "Considerations: Canonical Numbers": a quantile always reads as a float, 1 as `1.0`. */
const canonicalNumber = (value: number): string =>
  Number.isInteger(value) ? value.toFixed(1) : String(value)

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
/** Names beginning with two underscores are reserved ("Label"). */
const labelName = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/
/** "Suffixes": a family whose name ended so could be taken for a sample of another one. */
const sampleSuffix = /_(total|created|count|sum|bucket|gcount|gsum|info)$/
