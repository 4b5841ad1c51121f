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

  test('take an address of people without a path, because links and the scope of cookies begin at the root', () => {
    expect(readConfig({ PUBLIC_URL: 'https://portal.example/' }).http.publicUrl).toBe(
      'https://portal.example',
    )
    for (const url of ['https://portal.example/signalbox', 'https://portal.example?x=1']) {
      expect(() => readConfig({ PUBLIC_URL: url })).toThrow('PUBLIC_URL: Give it no path')
    }
  })

  test.each([
    ['PORT', 'http', 'Give it a whole number from 0 to 65535.'],
    ['SIGNALBOX_RUNS', '1.5', 'Give it a whole number from 1 to 1000.'],
    ['SIGNALBOX_AUDIT_DETAILS_DAYS', '29', 'Give it a whole number from 30 to 36500.'],
    ['LOG_LEVEL', 'loud', 'Give it one of debug, info, warn, error, silent.'],
    ['DATABASE_URL', 'secret@host', 'Give it an address such as postgres://'],
    ['MAIL_FROM', 'portal', 'Give it an e-mail address.'],
  ])('say of %s=%s what to give it, and not what it was', (name, value, sentence) => {
    expect(() => readConfig({ [name]: value })).toThrow(`${name}: ${sentence}`)
    expect(() => readConfig({ [name]: value })).not.toThrow(new RegExp(`: .*${value}`))
  })

  test('refuse what is wrong or misspelt, all at once', () => {
    const wrong = { SIGNALBOX_SECOND_FACTOR: 'off', SIGNALBOX_SECOND_FACTORS: 'required' }
    expect(() => readConfig(wrong)).toThrow(
      /SIGNALBOX_SECOND_FACTORS is not a setting[\s\S]*SIGNALBOX_SECOND_FACTOR: /,
    )
  })
})

describe('TLS', () => {
  test('is off without files', () => {
    expect(readConfig({}).http).toMatchObject({ tls: undefined, trustedProxies: [] })
  })

  test('is on with certificate and key', () => {
    const { tls } = readConfig({ TLS_CERT: '/etc/a.crt', TLS_KEY: '/etc/a.key' }).http
    expect(tls).toEqual({ cert: '/etc/a.crt', key: '/etc/a.key' })
  })

  test('wants both files, and an address that begins with https', () => {
    expect(() => readConfig({ TLS_CERT: '/etc/a.crt' })).toThrow(/set both or neither/)
    expect(() => readConfig({ TLS_KEY: '/etc/a.key' })).toThrow(/set both or neither/)
    const both = { TLS_CERT: '/etc/a.crt', TLS_KEY: '/etc/a.key' }
    expect(() => readConfig({ ...both, PUBLIC_URL: 'http://portal.example' })).toThrow(/begins with https/)
  })
})

describe('TRUST_PROXY', () => {
  test('takes addresses, networks and loopback', () => {
    expect(readConfig({ TRUST_PROXY: 'loopback, 10.0.0.0/8' }).http.trustedProxies).toHaveLength(3)
  })

  test('names what it cannot read', () => {
    expect(() => readConfig({ TRUST_PROXY: 'loopback,proxy.example' })).toThrow(
      /TRUST_PROXY.*“proxy.example”/,
    )
  })
})

describe('mail', () => {
  test('is off without settings, and wants both of them', () => {
    expect(readConfig({}).mail).toBeUndefined()
    expect(() => readConfig({ SMTP_URL: 'smtp://localhost' })).toThrow(/set both or neither/)
    expect(() => readConfig({ MAIL_FROM: 'a@example.org' })).toThrow(/set both or neither/)
    const mail = { SMTP_URL: 'smtps://u:p@mail.example', MAIL_FROM: 'a@example.org' }
    expect(readConfig(mail).mail).toEqual({ url: mail.SMTP_URL, from: mail.MAIL_FROM })
  })

  test('says of a wrong address what is wrong, and not its password', () => {
    const wrong = { SMTP_URL: 'http://u:geheim@mail.example', MAIL_FROM: 'a@example.org' }
    expect(() => readConfig(wrong)).toThrow(/SMTP_URL/)
    expect(() => readConfig(wrong)).not.toThrow(/geheim/)
  })
})
