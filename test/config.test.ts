import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readConfig, settingNames } from '../src/config.ts'

describe('the settings', () => {
  test('are all explained in docs/configuration.md, and nothing else is', () => {
    const page = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8')
    const explained = [...page.matchAll(/^\| `([A-Z_]+)`/gm)].map((match) => match[1])
    expect(explained.toSorted()).toEqual(settingNames.toSorted())
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
