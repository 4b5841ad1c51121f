import { describe, expect, test } from 'vitest'
import type { StageView } from '../../src/domain/pipeline/run-view.ts'
import { Rail } from '../../src/views/components/rail.tsx'

const now = new Date('2026-11-21T10:00:00Z')
const stage = (given: Partial<StageView>): StageView => ({
  stage: 'ingestion',
  status: 'running',
  in: 0,
  out: 0,
  shardsDone: 0,
  shardsTotal: 1,
  attempts: 1,
  startedAt: now,
  finishedAt: null,
  retried: 0,
  lost: 0,
  ...given,
})
const drawn = (given: Partial<StageView>) => String(<Rail stages={[stage(given)]} now={now} />)

describe('a stage on the rail', () => {
  test('that is completed is whole', () => {
    expect(drawn({ status: 'completed', shardsDone: 1, finishedAt: now })).toContain('100\u00a0%')
  })

  test('is never whole while it runs, though all its shards are done', () => {
    const text = drawn({ stage: 'quality', shardsDone: 3, shardsTotal: 3 })
    expect(text).toContain('99.9\u00a0%')
    expect(text).toContain('value="99.9"')
  })

  test('that cut the source in one go is as far as its slices are read', () => {
    expect(drawn({ shardsDone: 1, shardsTotal: 1, in: 120_000, out: 4_000 })).toContain('3.3\u00a0%')
  })
})
