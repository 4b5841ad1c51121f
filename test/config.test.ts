import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readConfig, settingNames } from '../src/config.ts'

test('docs/configuration.md has a row for every setting and no other', () => {
  const page = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `([A-Z_]+)`/gm)].map((match) => match[1])
  expect(rows.sort()).toEqual([...settingNames].sort())
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
