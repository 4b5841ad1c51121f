import { type MetricFamily, writeSeries } from './openmetrics.ts'

/** Prometheus' own text format, older than OpenMetrics; `promtool check metrics` reads it alone. */
export const textContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** State sets as that format has them: a gauge for each state, with the same samples. */
export const statesAsGauges = (families: readonly MetricFamily[]): readonly MetricFamily[] =>
  families.map((family) =>
    family.type === 'stateset'
      ? {
          name: family.name,
          help: family.help,
          type: 'gauge',
          samples: family.samples.flatMap(({ labels, states, state }) =>
            states.map((each) => ({
              labels: { ...labels, [family.name]: each },
              value: each === state ? 1 : 0,
            })),
          ),
        }
      : family,
  )

/** An exposition in that format: a counter is named as its sample is, and there are neither units nor an end. */
export const writePrometheusText = (families: readonly MetricFamily[]): string =>
  statesAsGauges(families)
    .map((family) => {
      const name = family.type === 'counter' ? `${family.name}_total` : family.name
      // Other than in OpenMetrics, a quotation mark in HELP stands for itself.
      const help = family.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
      return `${[`# HELP ${name} ${help}`, `# TYPE ${name} ${family.type}`, ...writeSeries(family)].join('\n')}\n`
    })
    .join('')
