import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { FlowFolders } from '../../src/adapters/flow-folders.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let folder: string
beforeAll(async () => {
  folder = await temporaryFolder('flow-folders')
  await mkdir(join(folder, 'shipped'))
  await writeFile(join(folder, 'shipped', 'one.yaml'), 'of the first')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('a second folder may appear later; its files are named with it, those being written are not seen', async () => {
  const folders = new FlowFolders([join(folder, 'shipped'), join(folder, 'flows')])
  expect(await folders.look()).toEqual({ files: [{ file: 'one.yaml', text: 'of the first' }] })
  await mkdir(join(folder, 'flows'))
  await writeFile(join(folder, 'flows', '.one.yaml'), 'half')
  await writeFile(join(folder, 'flows', 'one.yaml'), 'of the second')
  expect(await folders.look()).toEqual({
    files: [
      { file: 'one.yaml', text: 'of the first' },
      { file: 'flows/one.yaml', text: 'of the second' },
    ],
  })
})

test('a link whose file is gone is a file that cannot be read, not one that was deleted', async () => {
  const folder = await temporaryFolder('flow-links')
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await symlink(join(folder, 'gone', 'a.yaml'), join(folder, 'a.yaml'))
  expect(await new FlowFolders([folder]).look()).toEqual({
    files: [{ file: 'a.yaml', problem: 'This link leads to a file that is not there.' }],
  })
})
