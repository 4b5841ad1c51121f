import { describe, expect, test } from 'vitest'
import {
  formatAddress,
  isWithin,
  networkOfClient,
  parseAddress,
  parseNetworks,
} from '../../../src/domain/network/addresses.ts'
import { clientOf } from '../../../src/domain/network/client.ts'

const written = (text: string) => {
  const address = parseAddress(text)
  return address === undefined ? undefined : formatAddress(address)
}
const networks = (setting: string) => {
  const parsed = parseNetworks(setting)
  if ('mistake' in parsed) throw new Error(parsed.mistake)
  return parsed.networks
}

describe('an address', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7:8080', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:207', '192.0.2.7'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['10:0:0:1:2:3:4:5', '10::1:2:3:4:5'],
    ['::', '::'],
  ])('%s is written %s', (given, expected) => {
    expect(written(given)).toBe(expected)
  })

  test.each(['', 'unknown', '_hidden', '1.2.3', '1.2.3.4.5', '::1::', '2130706433', 'localhost'])(
    '"%s" is none',
    (given) => {
      expect(written(given)).toBeUndefined()
    },
  )
})

describe('networks', () => {
  test('are addresses, ranges and loopback', () => {
    const list = networks('10.0.0.0/8, 2001:db8::/32 loopback')
    const within = (text: string) => {
      const address = parseAddress(text)
      return address !== undefined && isWithin(address, list)
    }
    expect(['10.9.8.7', '::ffff:10.1.1.1', '2001:db8:1::5', '127.0.0.1', '::1'].map(within)).toEqual(
      Array.from({ length: 5 }, () => true),
    )
    expect(['11.0.0.1', '2001:db9::1', '::2'].map(within)).toEqual([false, false, false])
  })

  test.each(['10.0.0.0/33', 'proxy.example', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0.0/'])(
    '%s is refused by name',
    (given) => {
      expect(parseNetworks(`127.0.0.1, ${given}`)).toEqual({ mistake: given })
    },
  )

  test('clients of IPv6 are counted by the /64 that one customer has', () => {
    expect(networkOfClient('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
    expect(networkOfClient('::ffff:192.0.2.1')).toBe('192.0.2.1')
  })
})

describe('the client behind proxies', () => {
  const trusted = networks('loopback, 10.0.0.0/8')

  test('is the peer itself when it is no trusted proxy, whatever it says', () => {
    expect(clientOf('198.51.100.1', '127.0.0.1, 192.0.2.9', trusted)).toEqual({
      address: '198.51.100.1',
      isForwarded: false,
    })
  })

  test('is the right-most that is not trusted', () => {
    expect(clientOf('127.0.0.1', '192.0.2.66, 198.51.100.1, 10.0.0.3', trusted).address).toBe('198.51.100.1')
  })

  test('is what is known so far where the chain cannot be read', () => {
    expect(clientOf('127.0.0.1', '198.51.100.1, unknown, 10.0.0.3', trusted).address).toBe('10.0.0.3')
    expect(clientOf('127.0.0.1', undefined, trusted).address).toBe('127.0.0.1')
  })

  test('nobody is trusted unless a setting says so', () => {
    expect(clientOf('127.0.0.1', '192.0.2.9', []).address).toBe('127.0.0.1')
  })
})
