export interface ParsedFamily {
  readonly name: string
  readonly type: string
  readonly unit: string | undefined
  readonly help: string | undefined
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]
}

/**
 * Reads OpenMetrics text (gauges, counters, state sets and summaries without sum) and throws for what the standard
 * forbids, as `promtool check metrics` and the reference parser do: metadata twice, missing or after samples, families
 * that are not contiguous, series twice, names that do not end in their unit, states that are not exactly one, anything
 * after EOF.
 */
export function parseOpenMetrics(text: string): ParsedFamily[] {
  if (!text.endsWith('\n# EOF\n') && text !== '# EOF\n') throw new Error('EOF is not last')
  if (text.includes('\r')) throw new Error('lines end in line feeds only')
  const families = new Map<string, { -readonly [K in keyof ParsedFamily]: ParsedFamily[K] }>()
  const seen = new Set<string>()
  let current: string | undefined
  for (const line of text.split('\n').slice(0, -2)) {
    const metadata = /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line)
    if (metadata) {
      const [, kind, name = '', value = ''] = metadata
      if (kind === 'TYPE') {
        if (families.has(name)) throw new Error(`TYPE ${name} twice`)
        if (!['gauge', 'counter', 'summary', 'stateset'].includes(value))
          throw new Error(`unknown type ${value}`)
        families.set(name, { name, type: value, unit: undefined, help: undefined, samples: [] })
        current = name
        continue
      }
      const family = name === current ? families.get(name) : undefined
      if (family === undefined || family.samples.length > 0) throw new Error(`${kind} ${name} out of place`)
      if (kind === 'UNIT') {
        if (family.unit !== undefined || !name.endsWith(`_${value}`)) throw new Error(`wrong UNIT of ${name}`)
        family.unit = value
      } else {
        if (family.help !== undefined) throw new Error(`HELP ${name} twice`)
        family.help = unescaped(value)
      }
      continue
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (!sample) throw new Error(`not a line of OpenMetrics: ${line}`)
    const [, name = '', labelText, number = ''] = sample
    const family = current === undefined ? undefined : families.get(current)
    const expected = family?.type === 'counter' ? `${family.name}_total` : family?.name
    if (family === undefined || name !== expected) throw new Error(`${name} is not of the family ${current}`)
    const labels = parseLabels(labelText ?? '')
    if (family.type === 'stateset') {
      if (labels[name] === undefined) throw new Error(`${name} lacks the label of its state`)
      if (number !== '0' && number !== '1') throw new Error(`${name} is ${number}`)
    }
    if ((family.type === 'summary') !== 'quantile' in labels) throw new Error(`${name} and quantiles`)
    const series = `${name} ${JSON.stringify(Object.entries(labels).sort())}`
    if (seen.has(series)) throw new Error(`${series} twice`)
    seen.add(series)
    family.samples = [...family.samples, { labels, value: parseNumber(number) }]
  }
  const all = [...families.values()]
  for (const family of all) {
    if (family.help === undefined) throw new Error(`${family.name} has no HELP`)
    const unit = /_(seconds|bytes|celsius|ratio|meters|volts|grams|joules)$/.exec(family.name)?.[1]
    if (unit !== family.unit && family.type !== 'summary') throw new Error(`${family.name} hides its unit`)
    if (family.type === 'stateset') oneStateEach(family)
  }
  return all
}

/** Of every thing in a state set exactly one state holds. */
function oneStateEach({ name, unit, samples }: ParsedFamily): void {
  if (unit !== undefined) throw new Error(`${name} is a state set with a unit`)
  const things = Map.groupBy(samples, ({ labels }) => {
    const { [name]: _, ...rest } = labels
    return JSON.stringify(Object.entries(rest).sort())
  })
  for (const [thing, states] of things) {
    if (states.filter(({ value }) => value === 1).length !== 1)
      throw new Error(`${name} ${thing} is in no one state`)
  }
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  const label = /(^|,)([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/y
  while (label.lastIndex < text.length) {
    const at = label.lastIndex
    const found = label.exec(text)
    if (!found || (at === 0) !== (found[1] === '')) throw new Error(`not labels: ${text}`)
    const [, , name = '', value = ''] = found
    if (name in labels) throw new Error(`label ${name} twice`)
    labels[name] = unescaped(value)
  }
  return labels
}

function unescaped(text: string): string {
  if (/(^|[^\\])(\\\\)*"/.test(text)) throw new Error(`a bare quote in ${text}`)
  return text.replace(/\\(.?)/g, (_, character: string) => {
    if (character === 'n') return '\n'
    if (character === '"' || character === '\\') return character
    throw new Error(`an undefined escape in ${text}`)
  })
}

function parseNumber(text: string): number {
  if (text === 'NaN') return Number.NaN
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/.test(text)) throw new Error(`not a number: ${text}`)
  return Number(text)
}
