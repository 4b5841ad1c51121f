import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readConfig, settingNames } from '../src/config.ts'

describe('the settings', () => {
  test('are those of docs/configuration.md, in its order', () => {
    const page = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8')
    const documented = [...page.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name)
    expect(documented).toEqual(settingNames)
  })

  test('keep the master keys in the key folder, unless VAULT_KEY_FILE names a file', () => {
    expect(readConfig({}).data).toMatchObject({ keysFolder: resolve('var/keys'), masterKeyFile: undefined })
    expect(readConfig({ VAULT_KEY_FILE: 'secret/master.keys' }).data.masterKeyFile).toBe(
      resolve('secret/master.keys'),
    )
  })

  test('need no environment at all; the second factor is then required', () => {
    expect(readConfig({}).secondFactor).toBe('required')
    expect(readConfig({ SIGNALBOX_SECOND_FACTOR: 'optional' }).secondFactor).toBe('optional')
  })

  test('refuse what is wrong or misspelt, all at once', () => {
    const wrong = { SIGNALBOX_SECOND_FACTOR: 'off', SIGNALBOX_SECOND_FACTORS: 'required' }
    expect(() => readConfig(wrong)).toThrow(
      /SIGNALBOX_SECOND_FACTORS is not a setting[\s\S]*SIGNALBOX_SECOND_FACTOR: /,
    )
  })
})
