import { afterEach, describe, expect, test } from 'vitest'
import { FlowFileReader } from '../../src/adapters/flow-file-reader.ts'
import { chain } from '../support/flows/flow-text.ts'

const logged: string[] = []
const log = { error: (_line: object, message: string) => void logged.push(message) }
const wanted = new AbortController().signal
let reader: FlowFileReader
afterEach(() => reader.stop())

const read = (text: string, signal = wanted) => reader.read({ file: 'a.yaml', text, environment: {} }, signal)
/** A file that is right, and one mebibyte that takes the parser many seconds. */
const quotes = '"'.repeat(1_040_000)

describe('reading a flow file in a thread', () => {
  test('says what the file says, with the meaning of each check', async () => {
    reader = new FlowFileReader(log)
    const { flow, mistakes, hash, meanings } = await read(chain())
    expect([flow?.id, mistakes.filter(({ severity }) => severity === 'error')]).toEqual(['chain', []])
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(meanings).toHaveLength(flow?.checks.length ?? 0)
  })

  test('says all that is wrong with it', async () => {
    reader = new FlowFileReader(log)
    const { flow, mistakes } = await read('version: 2')
    expect([flow, mistakes.length > 1]).toEqual([undefined, true])
  })

  test('is given up when it takes too long, with a sentence, and the next file is read', async () => {
    reader = new FlowFileReader(log, 1_000)
    const { flow, mistakes, mayPass } = await read(quotes)
    expect([flow, mayPass]).toEqual([undefined, true])
    expect(mistakes.map(({ message }) => message)).toEqual([
      'Reading this file took longer than 1 s, so it was given up. Split it into several flows; one of 200 processes is read in no time.',
    ])
  })

  test('does not wait for a large file that takes long', async () => {
    reader = new FlowFileReader(log, 60_000)
    const gone = new AbortController()
    const perverse = read(quotes, gone.signal)
    expect((await read(chain())).flow?.id).toBe('chain')
    gone.abort()
    expect((await perverse).mistakes[0]?.message).toBe('Another text has come for this file.')
  })

  test('by which the reader breaks is refused, and said in the log', async () => {
    reader = new FlowFileReader(log)
    const given = { file: 'a.yaml', text: chain(), environment: { BROKEN: () => 'no data' } }
    const reading = await reader.read(given as never, wanted)
    expect(reading.mistakes[0]?.message).toContain('by a fault of Signalbox itself')
    expect(logged).toEqual(['a file of flows could not be read for a fault of ours'])
    expect((await read(chain())).flow?.id).toBe('chain')
  })
})
