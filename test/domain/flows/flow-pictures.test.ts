import { describe, expect, test } from 'vitest'
import { fail, pass } from '../../../src/domain/flows/checks/check-result.ts'
import { FlowPictures } from '../../../src/domain/flows/monitor/flow-pictures.ts'
import { type CheckMemory, remember } from '../../../src/domain/flows/state/check-state.ts'
import { chain } from '../../support/flows/flow-text.ts'
import { watched } from '../../support/flows/watched.ts'

const begin = 1_800_000_000_000
const text = chain()

describe('the picture of a flow', () => {
  function stage() {
    let now = begin
    const pictures = new FlowPictures(() => now)
    const one = watched(text)
    pictures.configure([one])
    const memoryOf = (result: Parameters<typeof remember>[2], before?: CheckMemory) => {
      const check = one.flow.checks.find(({ id }) => id === 'a_port')
      if (check === undefined) throw new Error('no check')
      return remember(before, check, result, now)
    }
    const see = () => {
      const picture = pictures.picture(one.id)
      if (picture === undefined) throw new Error('no picture')
      return picture
    }
    return { pictures, one, memoryOf, see, wait: (ms: number) => (now += ms) }
  }

  test('shows a result at once, and its number rises', () => {
    const { pictures, one, memoryOf, see } = stage()
    const { seq } = see()
    pictures.remember(one.id, 'a_port', memoryOf(fail('refused', 'The port is closed.')))
    expect(see().assessment.processes[0]).toMatchObject({ id: 'a', state: 'FAILED' })
    expect(see().seq).toBe(seq + 1)
  })

  test('keeps its number while nothing that shows changes', () => {
    const { pictures, one, memoryOf, see, wait } = stage()
    const first = memoryOf(pass('The port is open.'))
    pictures.remember(one.id, 'a_port', first)
    const { seq } = see()
    wait(2_000)
    pictures.remember(one.id, 'a_port', memoryOf(pass('The port is open.'), first))
    expect(see().seq).toBe(seq)
  })

  test('its number rises on over a time without the flow, so that what is new is not taken for old', () => {
    const { pictures, one, memoryOf, see } = stage()
    pictures.remember(one.id, 'a_port', memoryOf(pass('The port is open.')))
    see()
    pictures.remember(one.id, 'a_port', memoryOf(fail('refused', 'The port is closed.')))
    const { seq } = see()
    pictures.configure([])
    pictures.configure([one])
    expect(see().seq).toBeGreaterThan(seq)
  })

  test('a result that grows too old is UNKNOWN without anything coming in, and the number rises', () => {
    const { pictures, one, memoryOf, see, wait } = stage()
    pictures.remember(one.id, 'a_port', memoryOf(pass('The port is open.')))
    const { seq } = see()
    wait(60_000)
    expect(see().assessment.checks.get('a_port')).toMatchObject({ state: 'UNKNOWN', reason: 'late' })
    expect(see().seq).toBe(seq + 1)
  })

  test('a new configuration keeps what is known of checks that mean the same, and forgets the others', () => {
    const { pictures, one, memoryOf, see } = stage()
    pictures.remember(one.id, 'a_port', memoryOf(pass('The port is open.')))
    pictures.configure([watched(`${text}\n# a remark\n`)])
    expect(see().assessment.checks.get('a_port')?.state).toBe('HEALTHY')
    pictures.configure([watched(text.replaceAll(/port: (\d)/g, 'port: 1$1'))])
    expect(see().assessment.checks.get('a_port')?.reason).toBe('no_data')
  })

  test('there is none of a flow that is not configured', () => {
    const { pictures, one } = stage()
    expect(pictures.picture('other')).toBeUndefined()
    pictures.configure([])
    expect(pictures.picture(one.id)).toBeUndefined()
  })
})
