import { describe, expect, test } from 'vitest'
import {
  type AcceptedFiles,
  acceptFiles,
  type GivenFile,
  nothingAccepted,
} from '../../../src/domain/flows/monitor/accept-files.ts'
import { readFlowFile } from '../../../src/domain/flows/monitor/read-flow-file.ts'
import { chain } from '../../support/flows/flow-text.ts'

const text = (id: string, name = 'Chain') =>
  chain().replace('id: chain, name: Chain', `id: ${id}, name: ${name}`)
const file = (name: string, content: string): GivenFile => ({ file: name, text: content })
const reading = (name: string, content: string) =>
  readFlowFile({ file: name, text: content, environment: {} })
const accept = (before: AcceptedFiles, ...files: GivenFile[]) => acceptFiles(before, files, reading, 1_000)
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
    const again = acceptFiles(first, [file('a.yaml', text('one'))], reading, 9_000)
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
    const twice = acceptFiles(once, [file('a.yaml', 'version: 2')], reading, 9_000)
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

  test('that is not read yet leaves what is in force, and holds once it is', () => {
    const [a, b] = [file('a.yaml', text('one', 'Other')), file('b.yaml', text('two'))]
    const waiting = acceptFiles(first, [a, b], () => undefined, 1_000)
    expect(waiting.flows[0]).toBe(first.flows[0])
    expect([ids(waiting), waiting.refused]).toEqual([['one from a.yaml'], []])
    expect(accept(waiting, a, b).flows).toMatchObject([{ flow: { name: 'Other' } }, { id: 'two' }])
    const wrong = accept(nothingAccepted, file('a.yaml', 'version: 2'))
    expect(
      acceptFiles(wrong, [a], () => undefined, 2_000),
      'refused until then',
    ).toEqual(wrong)
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
