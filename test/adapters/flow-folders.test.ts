import { mkdir, mkdtemp, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
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
  expect(await folders.look()).toMatchObject({
    files: [{ file: 'one.yaml', text: 'of the first' }],
    lost: [{ prefix: 'flows/', isAway: true }],
  })
  await mkdir(join(folder, 'flows'))
  await writeFile(join(folder, 'flows', '.one.yaml'), 'half')
  await writeFile(join(folder, 'flows', 'one.yaml'), 'of the second')
  expect(await folders.look()).toEqual({
    files: [
      { file: 'one.yaml', text: 'of the first' },
      { file: 'flows/one.yaml', text: 'of the second' },
    ],
    lost: [],
  })
})

test('a link whose file is gone is a file that cannot be read, not one that was deleted', async () => {
  const folder = await temporaryFolder('flow-links')
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await symlink(join(folder, 'gone', 'a.yaml'), join(folder, 'a.yaml'))
  expect(await new FlowFolders([folder]).look()).toEqual({
    files: [{ file: 'a.yaml', problem: 'This link leads to a file that is not there.' }],
    lost: [],
  })
})

const away = {
  files: [],
  lost: [{ prefix: '', isAway: true, problem: expect.stringContaining('not there any more') }],
}

test('a folder that vanished is away; an empty one has no files, and a lone file that is deleted is gone', async () => {
  const folder = await temporaryFolder('flow-away')
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'flows'))
  await writeFile(join(folder, 'flows', 'a.yaml'), 'a')
  const [folders, lone] = [
    new FlowFolders([join(folder, 'flows')]),
    new FlowFolders([join(folder, 'flows', 'a.yaml')]),
  ]
  expect((await folders.look()).files).toHaveLength(1)
  expect((await lone.look()).files).toHaveLength(1)
  await rename(join(folder, 'flows'), join(folder, 'elsewhere'))
  expect(await folders.look()).toMatchObject(away)
  expect(await lone.look(), 'with all that is around it').toMatchObject(away)
  await mkdir(join(folder, 'flows'))
  expect(await folders.look()).toEqual({ files: [], lost: [] })
  expect(await lone.look()).toEqual({ files: [], lost: [] })
})

test('a volume that is not mounted any more is away, though its mount point is an empty folder', async (context) => {
  const folder = await temporaryFolder('flow-volume')
  const volume = await mkdtemp('/dev/shm/signalbox-flows-').catch(() =>
    context.skip('there is no other file system'),
  )
  onTestFinished(() => rm(volume, { recursive: true, force: true }))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  if ((await stat(volume)).dev === (await stat(folder)).dev) context.skip('there is no other file system')
  await writeFile(join(volume, 'a.yaml'), 'a')
  await mkdir(join(folder, 'empty'))
  await symlink(volume, join(folder, 'flows'))
  const folders = new FlowFolders([join(folder, 'flows')])
  expect((await folders.look()).files).toHaveLength(1)
  await symlink('empty', join(folder, 'next'))
  await rename(join(folder, 'next'), join(folder, 'flows'))
  expect(await folders.look()).toMatchObject(away)
})
