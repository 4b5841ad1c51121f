import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { EngineMetrics } from '../../../src/domain/metrics/engine-metrics.ts'
import { metricFamilies } from '../../../src/domain/metrics/metric-families.ts'
import { type MetricFamily, writeOpenMetrics } from '../../../src/domain/metrics/openmetrics.ts'
import { stages } from '../../../src/domain/pipeline/run.ts'

const shards: MetricFamily = {
  name: 'box_shards',
  type: 'gauge',
  help: 'Shards that wait.',
  samples: [
    { labels: { stage: 'quality' }, value: 2 },
    { labels: { stage: 'export' }, value: 0 },
  ],
}

describe('writing OpenMetrics', () => {
  test('writes type, unit and help before the samples, and EOF last', () => {
    expect(
      writeOpenMetrics([
        shards,
        { name: 'box_age_seconds', type: 'gauge', unit: 'seconds', help: 'Age.', samples: [{ value: 1.5 }] },
      ]),
    ).toBe(`# TYPE box_shards gauge
# HELP box_shards Shards that wait.
box_shards{stage="quality"} 2
box_shards{stage="export"} 0
# TYPE box_age_seconds gauge
# UNIT box_age_seconds seconds
# HELP box_age_seconds Age.
box_age_seconds 1.5
# EOF
`)
  })

  test('writes nothing but EOF when nothing is measured', () => {
    expect(writeOpenMetrics([])).toBe('# EOF\n')
  })

  test('ends the samples of a counter in _total', () => {
    const text = writeOpenMetrics([
      { name: 'box_requests', type: 'counter', help: 'Requests.', samples: [{ value: 7 }] },
    ])
    expect(text).toContain('# TYPE box_requests counter\n')
    expect(text).toContain('\nbox_requests_total 7\n')
  })

  test('writes quantiles as canonical floats', () => {
    const samples = [0, 0.5, 0.99, 1].map((quantile) => ({ quantile, value: 3 }))
    const text = writeOpenMetrics([{ name: 'box_time', type: 'summary', help: 'Time.', samples }])
    expect(text.match(/quantile="[^"]+"/g)).toEqual([
      'quantile="0.0"',
      'quantile="0.5"',
      'quantile="0.99"',
      'quantile="1.0"',
    ])
  })

  test.each([
    ['NaN', Number.NaN],
    ['+Inf', Number.POSITIVE_INFINITY],
    ['-Inf', Number.NEGATIVE_INFINITY],
    ['1e-7', 1e-7],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('writes %s', (written, value) => {
    const text = writeOpenMetrics([{ ...shards, type: 'gauge', samples: [{ value }] }])
    expect(text).toContain(`\nbox_shards ${written}\n`)
    expect(parseOpenMetrics(text)[0]?.samples[0]?.value).toBe(value)
  })

  test('escapes backslash, quote and line feed in labels and help, so that they read back', () => {
    const odd = 'a\\n "b"\nc\\'
    const [family] = parseOpenMetrics(
      writeOpenMetrics([
        { ...shards, type: 'gauge', help: odd, samples: [{ labels: { stage: odd }, value: 1 }] },
      ]),
    )
    expect(family?.help).toBe(odd)
    expect(family?.samples[0]?.labels).toEqual({ stage: odd })
  })

  test.each<[string, MetricFamily[]]>([
    ['a family that is there twice', [shards, shards]],
    ['a series that is there twice', [{ ...shards, type: 'gauge', samples: [{ value: 1 }, { value: 2 }] }]],
    ['a name with a dot', [{ ...shards, name: 'box.shards' }]],
    ['a name that ends like a sample', [{ ...shards, name: 'box_shards_total' }]],
    ['a unit that the name does not end in', [{ ...shards, unit: 'seconds' }]],
    ['a reserved label', [{ ...shards, type: 'gauge', samples: [{ labels: { __name__: 'x' }, value: 1 }] }]],
    ['a counter that is negative', [{ ...shards, type: 'counter', samples: [{ value: -1 }] }]],
    ['a counter that is no number', [{ ...shards, type: 'counter', samples: [{ value: Number.NaN }] }]],
    ['a quantile above 1', [{ ...shards, type: 'summary', samples: [{ quantile: 99, value: 1 }] }]],
  ])('refuses %s', (_, families) => {
    expect(() => writeOpenMetrics(families)).toThrow()
  })
})

describe('the strict parser of these tests', () => {
  const refused = (text: string) => expect(() => parseOpenMetrics(text)).toThrow()
  const type = '# TYPE a gauge\n'

  test('refuses an exposition that does not end in EOF', () => refused(`${type}a 1\n`))
  test('refuses whatever follows EOF', () => refused(`${type}a 1\n# EOF\na 2\n# EOF\n`))
  test('refuses a type declared twice', () => refused(`${type}${type}a 1\n# EOF\n`))
  test('refuses interleaved families', () => refused(`${type}a 1\n# TYPE b gauge\nb 1\na{c="d"} 1\n# EOF\n`))
  test('refuses a label value with a bare quote', () => refused(`${type}a{b="c"d"} 1\n# EOF\n`))
  test('refuses a counter without _total', () => refused('# TYPE a counter\na 1\n# EOF\n'))
})

describe('the families of the portal', () => {
  const quiet: EngineMetrics = {
    stages: stages.map((stage) => ({
      stage,
      queued: 3,
      working: 2,
      oldestWaitSeconds: 1.25,
      lastFiveMinutes: {
        shards: 30,
        records: 600,
        failures: 1,
        losses: 0,
        shardsPerSecond: 0.1,
        recordsPerSecond: 2,
      },
      shardTime: stage === 'quality' ? { p50: 500, p95: 900, p99: 1_500 } : undefined,
    })),
    liveRuns: { queued: 1, running: 2 },
    endedRuns: { completed: 3, failed: 4, cancelled: 5 },
    workers: { live: 2, paused: 1 },
  }
  const families = parseOpenMetrics(
    writeOpenMetrics(
      metricFamilies(quiet, { residentMemoryBytes: 1e8, eventLoopLagSeconds: 0.001, uptimeSeconds: 60 }),
    ),
  )
  const family = (name: string) => families.find((candidate) => candidate.name === name)

  test('are gauges and one summary; nothing that a deletion could turn back is a counter', () => {
    expect(new Set(families.map(({ type }) => type))).toEqual(new Set(['gauge', 'summary']))
  })

  test('tell every stage', () => {
    const named = families.filter(({ name }) => name.startsWith('signalbox_stage_'))
    for (const { samples } of named) {
      expect([...new Set(samples.map(({ labels }) => labels.stage))]).toEqual([...stages])
    }
  })

  test('say what a fused shard counts as', () => {
    expect(family('signalbox_stage_done_shards')?.help).toContain('counts as standardization')
  })

  test('tell shard times in seconds, and NaN where no shard was done', () => {
    const times = family('signalbox_stage_shard_seconds')?.samples ?? []
    const of = (stage: string) =>
      times.filter(({ labels }) => labels.stage === stage).map(({ value }) => value)
    expect(of('quality')).toEqual([0.5, 0.9, 1.5])
    expect(of('export')).toEqual([Number.NaN, Number.NaN, Number.NaN])
  })

  test('are all explained in docs/metrics.md, and nothing else is', () => {
    const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')
    const explained = [...page.matchAll(/^\| `(signalbox_\w+)`/gm)].map((row) => row[1])
    expect(explained).toEqual(families.map(({ name }) => name))
  })

  test('carry no labels but stage, status, window and quantile', () => {
    const labels = families.flatMap(({ samples }) => samples.flatMap((sample) => Object.keys(sample.labels)))
    expect(new Set(labels)).toEqual(new Set(['stage', 'window', 'quantile', 'status']))
  })
})

interface ParsedFamily {
  readonly name: string
  readonly type: string
  readonly unit: string | undefined
  readonly help: string | undefined
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]
}

/**
 * Reads OpenMetrics text (gauges, counters and summaries without sum) and throws for what the standard forbids:
 * metadata twice or after samples, families that are not contiguous, series twice, anything after EOF.
 */
function parseOpenMetrics(text: string): ParsedFamily[] {
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
        if (!['gauge', 'counter', 'summary'].includes(value)) throw new Error(`unknown type ${value}`)
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
    if ((family.type === 'summary') !== 'quantile' in labels) throw new Error(`${name} and quantiles`)
    const series = `${name} ${JSON.stringify(Object.entries(labels).sort())}`
    if (seen.has(series)) throw new Error(`${series} twice`)
    seen.add(series)
    family.samples = [...family.samples, { labels, value: parseNumber(number) }]
  }
  return [...families.values()]
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
