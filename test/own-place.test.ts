import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { ownPlaceOf, portalUrlOf } from '../src/own-place.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

let folder: string
beforeAll(async () => {
  folder = await temporaryFolder('own-place')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('how a portal is reached from its own machine', () => {
  test.each([
    [{}, 'http://127.0.0.1:3000'],
    [{ HOST: '0.0.0.0', PORT: '8080' }, 'http://127.0.0.1:8080'],
    [{ HOST: '::1' }, 'http://[::1]:3000'],
    [{ TLS_CERT: 'a', TLS_KEY: 'b' }, 'https://127.0.0.1:3000'],
  ])('%j: %s', (environment, url) => expect(portalUrlOf(readConfig(environment))).toBe(url))
  test('a port that the system chose is given by who knows it', () => {
    expect(portalUrlOf(readConfig({ PORT: '0' }), 41_000)).toBe('http://127.0.0.1:41000')
  })
  test('a database of one’s own is reached as DATABASE_URL says', async () => {
    const config = readConfig({
      DATABASE_URL: 'postgres://app:secret@db.test/portal',
      SIGNALBOX_DATA: folder,
    })
    expect(await ownPlaceOf(config)).toEqual({
      databaseUrl: 'postgres://app:secret@db.test/portal',
      portalUrl: 'http://127.0.0.1:3000',
      dataFolder: folder,
    })
  })
  test('the embedded one as its files say; before it was ever started nothing is known', async () => {
    const config = readConfig({ SIGNALBOX_DATA: folder })
    expect(await ownPlaceOf(config)).toBeUndefined()
    await mkdir(join(folder, 'postgres'))
    await writeFile(join(folder, 'postgres', 'port'), '5499')
    await writeFile(join(folder, 'postgres', 'application-password'), 'abc\n')
    expect((await ownPlaceOf(config))?.databaseUrl).toBe('postgres://signalbox:abc@127.0.0.1:5499/postgres')
  })
})
