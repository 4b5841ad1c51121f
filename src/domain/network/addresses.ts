import { isIP } from 'node:net'

/** An IP address as a number; IPv4 also when it came as `::ffff:` and the rest. */
export interface Address {
  readonly version: 4 | 6
  readonly value: bigint
}

export interface Network extends Address {
  /** How many of the first bits count. */
  readonly prefix: number
}

/** Reads an address, also with a port (`192.0.2.1:80`, `[2001:db8::1]:80`) or a zone; undefined: it is none. */
export function parseAddress(text: string): Address | undefined {
  const bare = text
    .trim()
    .replace(/^\[([^\]]*)\](:\d+)?$/, '$1')
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
    .replace(/%[\w.-]*$/, '')
  const version = isIP(bare)
  if (version === 4) return { version: 4, value: valueOf4(bare) }
  if (version !== 6) return undefined
  const value = valueOf6(bare)
  return value >> 32n === 0xffffn ? { version: 4, value: value & 0xffffffffn } : { version: 6, value }
}

/**
 * Reads a list of addresses and networks (`10.0.0.0/8, 2001:db8::/32, loopback`).
 * @returns the networks, or the first entry that is none
 */
export function parseNetworks(
  setting: string,
): { readonly networks: readonly Network[] } | { readonly mistake: string } {
  const networks: Network[] = []
  const entries = setting
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .flatMap((entry) => (entry === 'loopback' ? loopback : [entry]))
  for (const entry of entries) {
    const network = parseNetwork(entry)
    if (network === undefined) return { mistake: entry }
    networks.push(network)
  }
  return { networks }
}

export const isWithin = (address: Address, networks: readonly Network[]): boolean =>
  networks.some(({ version, value, prefix }) => {
    if (version !== address.version) return false
    const rest = BigInt(bitsOf(version) - prefix)
    return address.value >> rest === value >> rest
  })

/** Whether it is this machine itself, by address or as `localhost`. */
export function isLoopback(host: string): boolean {
  const address = parseAddress(host)
  if (address === undefined) return host.toLowerCase() === 'localhost'
  return loopback.some((text) => {
    const network = parseNetwork(text)
    return network !== undefined && isWithin(address, [network])
  })
}

/** How an address is written everywhere here, so that one client never has two. */
export function formatAddress({ version, value }: Address): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.')
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((value >> BigInt(16 * (7 - at))) & 0xffffn).toString(16),
  ).join(':')
  // RFC 5952: the longest run of zero groups, and the first of equally long ones, is left out.
  const runs = [...groups.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)]
  const longest = runs.reduce<RegExpMatchArray | undefined>(
    (best, run) => (best === undefined || run[0].length > best[0].length ? run : best),
    undefined,
  )
  if (longest?.index === undefined) return groups
  const before = groups.slice(0, longest.index).replace(/:$/, '')
  const after = groups.slice(longest.index + longest[0].length).replace(/^:/, '')
  return `${before}::${after}`
}

/** Whom to count requests for: an IPv4 address, or the /64 of an IPv6 one, of which a single customer has them all. */
export function networkOfClient(text: string): string {
  const address = parseAddress(text)
  if (address === undefined) return text
  if (address.version === 4) return formatAddress(address)
  return `${formatAddress({ version: 6, value: (address.value >> 64n) << 64n })}/64`
}

const loopback = ['127.0.0.0/8', '::1']
const bitsOf = (version: 4 | 6) => (version === 4 ? 32 : 128)

function parseNetwork(text: string): Network | undefined {
  const [base = '', bits, ...more] = text.split('/')
  const address = isIP(base) === 0 ? undefined : parseAddress(base)
  if (address === undefined || more.length > 0) return undefined
  const most = bitsOf(address.version)
  if (bits === undefined) return { ...address, prefix: most }
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
  return prefix >= 0 && prefix <= most ? { ...address, prefix } : undefined
}

const valueOf4 = (text: string): bigint =>
  text.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n)

function valueOf6(text: string): bigint {
  // A dotted end stands for two groups.
  const dotted = /(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1]
  const end = dotted === undefined ? '' : valueOf4(dotted).toString(16).padStart(8, '0')
  const plain = dotted === undefined ? text : text.replace(dotted, `${end.slice(0, 4)}:${end.slice(4)}`)
  const [head = '', tail] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n)
}
