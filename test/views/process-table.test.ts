import { expect, test } from 'vitest'
import { sorted } from '../../src/views/flows/process-table.tsx'
import { chain } from '../support/flows/flow-text.ts'
import { playedFlows, watched } from '../support/flows/watched.ts'

test('sorted by state: the worst first, roots before what they starve, then as the file has them', () => {
  let now = 1_800_000_000_000
  const processes = ['a', 'b', 'c', 'd', 'e']
  const flow = watched(chain({ processes, connections: ['{from: d, to: b}'] }))
  const flows = playedFlows([flow], () => now)
  // The last one is healthy for the longest time.
  for (const { id } of flow.flow.checks.toReversed()) {
    const outcome = id === 'd_port' || id === 'b_fresh' ? 'fail' : 'pass'
    flows.play('chain', id, { outcome, message: id })
    now += 100
  }
  const found = flows.monitor.picture('chain')?.assessment.processes ?? []
  expect(sorted(found, 'worst').map(({ id }) => id)).toEqual(['d', 'b', 'a', 'c', 'e'])
})
