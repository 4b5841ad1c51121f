import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dataFolder } from '../../src/db/server-account.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const account = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }

test('the data lies in the folder where the server may enter it', async () => {
  const control = await temporaryFolder('data')
  expect(await dataFolder(control, account)).toBe(join(control, 'data'))
})

test('a folder that was moved away from its database is refused with how to go on', async () => {
  const control = await temporaryFolder('data')
  await writeFile(join(control, 'data-is-in'), '/var/lib/signalbox/0123456789abcdef/data\n')
  await expect(dataFolder(control, account)).rejects.toThrow(
    `mv -T /var/lib/signalbox/0123456789abcdef/data ${join(control, 'data')}`,
  )
})

test('once the data is here, an old note means nothing', async () => {
  const control = await temporaryFolder('data')
  await mkdir(join(control, 'data', 'base'), { recursive: true })
  await writeFile(join(control, 'data-is-in'), '/var/lib/signalbox/0123456789abcdef/data\n')
  expect(await dataFolder(control, account)).toBe(join(control, 'data'))
})
