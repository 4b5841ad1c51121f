import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ownVariables } from '../../../src/domain/flows/configuration/own-variables.ts'
import { acceptFiles, nothingAccepted } from '../../../src/domain/flows/monitor/accept-files.ts'
import { meaningOf } from '../../../src/domain/flows/monitor/flow-pictures.ts'
import { readFlowFile } from '../../../src/domain/flows/monitor/read-flow-file.ts'

const shipped = readFileSync(new URL('../../../config/flows/dataset-pipeline.yaml', import.meta.url), 'utf8')
const meanings = (text: string, port: number) => {
  const place = ownVariables({
    databaseUrl: `postgres://signalbox:secret@127.0.0.1:${port}/postgres`,
    portalUrl: `http://127.0.0.1:${port}`,
    dataFolder: `/srv/${port}`,
  })
  const { flows } = acceptFiles(
    nothingAccepted,
    [{ file: 'a.yaml', text }],
    (file) => readFlowFile({ file, text, environment: place }),
    0,
  )
  return flows.flatMap(({ flow }) => flow.checks.map(meaningOf))
}

test('server processes that reach themselves at different places share what is remembered of a check', () => {
  expect(meanings(shipped, 4_000)).toHaveLength(33)
  expect(meanings(shipped, 4_000)).toEqual(meanings(shipped, 5_000))
})
test('a check that measures something else is another one', () => {
  const other = shipped.replace('fail: 1GiB', 'fail: 2GiB')
  expect(meanings(other, 4_000).filter((each) => !meanings(shipped, 4_000).includes(each))).toHaveLength(1)
})
