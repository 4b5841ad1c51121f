import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fail, pass } from '../../../src/domain/flows/checks/check-result.ts'
import type { EngineMetrics } from '../../../src/domain/metrics/engine-metrics.ts'
import { flowMetricFamilies } from '../../../src/domain/metrics/flow-families.ts'
import { metricFamilies } from '../../../src/domain/metrics/metric-families.ts'
import { type MetricFamily, writeOpenMetrics } from '../../../src/domain/metrics/openmetrics.ts'
import { statesAsGauges, writePrometheusText } from '../../../src/domain/metrics/prometheus-text.ts'
import { stages } from '../../../src/domain/pipeline/run.ts'
import { chain } from '../../support/flows/flow-text.ts'
import { playedFlows, watched } from '../../support/flows/watched.ts'
import { parseOpenMetrics } from '../../support/openmetrics-text.ts'

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

  test('writes a state set as a sample a state', () => {
    const samples = [{ labels: { box: 'a' }, states: ['GOOD', 'BAD'], state: 'BAD' }]
    const text = writeOpenMetrics([{ name: 'box_state', type: 'stateset', help: 'State.', samples }])
    expect(text).toContain('\nbox_state{box="a",box_state="GOOD"} 0\nbox_state{box="a",box_state="BAD"} 1\n')
    expect(parseOpenMetrics(text)).toHaveLength(1)
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
    [
      'a state that is none of its states',
      [{ ...shards, type: 'stateset', samples: [{ states: ['A'], state: 'B' }] }],
    ],
    [
      'a state set with a unit',
      [
        {
          name: 'box_seconds',
          help: '',
          unit: 'seconds',
          type: 'stateset',
          samples: [{ states: ['A'], state: 'A' }],
        },
      ],
    ],
    [
      'a state set that sets its own label',
      [
        {
          ...shards,
          type: 'stateset',
          samples: [{ labels: { box_shards: 'A' }, states: ['A'], state: 'A' }],
        },
      ],
    ],
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
  test('refuses a name that hides its unit', () =>
    refused('# TYPE a_seconds gauge\n# HELP a_seconds A.\na_seconds 1\n# EOF\n'))
  test('refuses a family without help', () => refused(`${type}a 1\n# EOF\n`))
  test('refuses a state set that is in two states, or in none', () => {
    const set = '# TYPE a stateset\n# HELP a A.\n'
    refused(`${set}a{a="x"} 1\na{a="y"} 1\n# EOF\n`)
    refused(`${set}a{a="x"} 0\na{a="y"} 0\n# EOF\n`)
    refused(`${set}a{b="x"} 1\n# EOF\n`)
  })
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
  let now = 1_800_000_000_000
  const refusedFile = { file: 'test.yaml', text: '', mistakes: [], at: now }
  const played = playedFlows([{ ...watched(chain()), refused: refusedFile }], () => now)
  played.play('chain', 'a_port', { ...pass('The port is open.'), tookMs: 5 })
  now += 1_000
  played.play('chain', 'a_port', { ...fail('refused', 'secret.example refused.'), tookMs: 125 })
  const flowFamilies = parseOpenMetrics(
    writeOpenMetrics(
      flowMetricFamilies(
        played.monitor.list().flatMap(({ id }) => played.monitor.picture(id) ?? []),
        { lagMs: 250, overdue: 3, seenAt: undefined, isStalled: true },
        [refusedFile],
      ),
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
    expect(explained).toEqual([...families, ...flowFamilies].map(({ name }) => name))
  })

  test('of flows tell states, moments and lengths of time', () => {
    const one = (name: string, labels: Readonly<Record<string, string>>) =>
      flowFamilies
        .find((candidate) => candidate.name === `signalbox_flow_${name}`)
        ?.samples.filter((sample) =>
          Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
        )
        .map(({ value }) => value)
    const failed = { check: 'a_port', signalbox_flow_check_state: 'FAILED' }
    expect(one('check_state', failed)).toEqual([1])
    expect(one('process_state', { process: 'a', signalbox_flow_process_state: 'FAILED' })).toEqual([1])
    expect(one('process_state', { process: 'b', signalbox_flow_process_state: 'UNKNOWN' })).toEqual([1])
    expect(one('check_last_success_timestamp_seconds', { check: 'a_port' })).toEqual([1_800_000_000])
    expect(one('check_last_run_timestamp_seconds', { check: 'a_port' })).toEqual([1_800_000_001])
    expect(one('check_next_run_timestamp_seconds', { check: 'a_port' })).toEqual([1_800_000_003])
    expect(one('check_duration_seconds', { check: 'a_port' })).toEqual([0.125])
    expect(one('check_last_run_timestamp_seconds', { check: 'b_port' })).toEqual([])
    expect(one('config_refused', { flow: 'chain' })).toEqual([1])
    expect(one('scheduler_lag_p99_seconds', {})).toEqual([0.25])
    expect(one('scheduler_overdue_checks', {})).toEqual([3])
    expect(one('scheduler_stalled', {})).toEqual([1])
    expect(one('refused_files', {})).toEqual([1])
  })

  test('of flows carry ids as labels, and nothing that a check found', () => {
    const labels = flowFamilies.flatMap(({ samples }) =>
      samples.flatMap((sample) => Object.entries(sample.labels)),
    )
    expect(new Set(labels.map(([name]) => name))).toEqual(
      new Set(['flow', 'process', 'check', 'signalbox_flow_process_state', 'signalbox_flow_check_state']),
    )
    expect(labels.filter(([, value]) => value.includes('secret'))).toEqual([])
  })

  test('carry no labels but stage, status, window and quantile', () => {
    const labels = families.flatMap(({ samples }) => samples.flatMap((sample) => Object.keys(sample.labels)))
    expect(new Set(labels)).toEqual(new Set(['stage', 'window', 'quantile', 'status']))
  })
})

describe('the older text format', () => {
  const families: readonly MetricFamily[] = [
    shards,
    { name: 'box_requests', type: 'counter', help: 'A "back\\slash"\nand a line.', samples: [{ value: 7 }] },
    { name: 'box_age_seconds', type: 'gauge', unit: 'seconds', help: 'Age.', samples: [] },
    {
      name: 'box_state',
      type: 'stateset',
      help: 'State.',
      samples: [{ labels: { box: 'a' }, states: ['GOOD', 'BAD'], state: 'BAD' }],
    },
    {
      name: 'box_wait_seconds',
      type: 'summary',
      help: 'Wait.',
      samples: [{ labels: { say: 'a"b' }, quantile: 1, value: Number.NaN }],
    },
  ]
  test('knows no units, no state sets and no end', () => {
    expect(writePrometheusText(families)).toBe(`# HELP box_shards Shards that wait.
# TYPE box_shards gauge
box_shards{stage="quality"} 2
box_shards{stage="export"} 0
# HELP box_requests_total A "back\\\\slash"\\nand a line.
# TYPE box_requests_total counter
box_requests_total 7
# HELP box_age_seconds Age.
# TYPE box_age_seconds gauge
# HELP box_state State.
# TYPE box_state gauge
box_state{box="a",box_state="GOOD"} 0
box_state{box="a",box_state="BAD"} 1
# HELP box_wait_seconds Wait.
# TYPE box_wait_seconds summary
box_wait_seconds{say="a\\"b",quantile="1.0"} NaN
`)
  })
  test('state sets as gauges have the same samples', () => {
    const lines = (text: string) => text.split('\n').filter((line) => line.startsWith('box_'))
    expect(lines(writeOpenMetrics(statesAsGauges(families)))).toEqual(lines(writeOpenMetrics(families)))
  })
})
