import { describe, expect, test } from 'vitest'
import {
  type AcceptedFiles,
  acceptFiles,
  type GivenFile,
  nothingAccepted,
} from '../../../src/domain/flows/monitor/accept-files.ts'
import { chain } from '../../support/flows/flow-text.ts'

const text = (id: string, name = 'Chain') =>
  chain().replace('id: chain, name: Chain', `id: ${id}, name: ${name}`)
const file = (name: string, content: string): GivenFile => ({ file: name, text: content })
const accept = (before: AcceptedFiles, ...files: GivenFile[]) => acceptFiles(before, files, {}, 1_000)
const ids = ({ flows }: AcceptedFiles) => flows.map(({ id, file: from }) => `${id} from ${from}`)

describe('files of flows', () => {
  test('that are right are flows', () => {
    const accepted = accept(nothingAccepted, file('a.yaml', text('one')), file('b.yaml', text('two')))
    expect(ids(accepted)).toEqual(['one from a.yaml', 'two from b.yaml'])
    expect(accepted.flows[0]).toMatchObject({ loadedAt: 1_000, refused: undefined })
    expect(accepted.flows[0]?.hash).toMatch(/^[0-9a-f]{64}$/)
  })

  test('that did not change are the very flows they were', () => {
    const first = accept(nothingAccepted, file('a.yaml', text('one')))
    const again = acceptFiles(first, [file('a.yaml', text('one'))], {}, 9_000)
    expect(again.flows[0]).toBe(first.flows[0])
  })

  test('know since when they are in force, where somebody else does', () => {
    const [flow] = accept(nothingAccepted, { file: 'a.yaml', text: text('one'), at: 7 }).flows
    expect(flow?.loadedAt).toBe(7)
  })

  test('that are gone are flows no more', () => {
    expect(accept(accept(nothingAccepted, file('a.yaml', text('one'))))).toEqual(nothingAccepted)
  })
})

describe('a file that is wrong', () => {
  const first = accept(nothingAccepted, file('a.yaml', text('one')))

  test('leaves what is in force, and is told with its text', () => {
    const accepted = accept(first, file('a.yaml', 'version: 2'))
    expect(accepted.flows).toMatchObject([{ id: 'one', text: text('one'), refused: { text: 'version: 2' } }])
    expect(accepted.refused).toEqual([])
  })

  test('is refused once, however often it is looked at', () => {
    const once = accept(first, file('a.yaml', 'version: 2'))
    const twice = acceptFiles(once, [file('a.yaml', 'version: 2')], {}, 9_000)
    expect(twice.flows[0]).toBe(once.flows[0])
  })

  test('is forgotten when it says again what is in force', () => {
    const wrong = accept(first, file('a.yaml', 'version: 2'))
    expect(accept(wrong, file('a.yaml', text('one'))).flows).toMatchObject([{ refused: undefined }])
  })

  test('and cannot be read leaves what is in force as well', () => {
    const accepted = accept(first, { file: 'a.yaml', problem: 'The file cannot be read (EACCES).' })
    expect(accepted.flows[0]?.refused?.mistakes[0]?.message).toBe('The file cannot be read (EACCES).')
  })

  test('on which its reader breaks leaves what is in force, and the other files are read', () => {
    const environment = Object.defineProperty({}, 'BROKEN', {
      enumerable: true,
      get() {
        throw new Error('a fault of ours')
      },
    })
    const faults: string[] = []
    const [a, b] = [file('a.yaml', text('one', 'Other')), file('b.yaml', text('two'))]
    const broken = acceptFiles(first, [a], environment, 1_000, (name, error) =>
      faults.push(`${name}: ${error}`),
    )
    expect(faults).toEqual(['a.yaml: Error: a fault of ours'])
    expect(ids(broken)).toEqual(['one from a.yaml'])
    expect(broken.flows[0]?.refused?.mistakes[0]?.message).toContain('by a fault of Signalbox itself')
    expect(ids(accept(broken, a, b))).toEqual(['one from a.yaml', 'two from b.yaml'])
  })

  test('and never was right is a refused file without a flow', () => {
    expect(accept(nothingAccepted, file('a.yaml', 'version: 2'))).toMatchObject({
      flows: [],
      refused: [{ file: 'a.yaml', at: 1_000 }],
    })
  })
})

describe('one id in two files', () => {
  test('stays with the file that runs', () => {
    const first = accept(nothingAccepted, file('b.yaml', text('one')))
    const both = accept(first, file('a.yaml', text('one')), file('b.yaml', text('one')))
    expect(ids(both)).toEqual(['one from b.yaml'])
    expect(both.refused).toMatchObject([{ file: 'a.yaml' }])
  })

  test('stays with the first by name when neither runs', () => {
    const both = accept(nothingAccepted, file('a.yaml', text('one')), file('b.yaml', text('one')))
    expect(ids(both)).toEqual(['one from a.yaml'])
  })

  test('moves to the other file when the first is gone', () => {
    const first = accept(nothingAccepted, file('a.yaml', text('one')))
    expect(ids(accept(first, file('b.yaml', text('one'))))).toEqual(['one from b.yaml'])
  })
})
