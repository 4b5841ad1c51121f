import { type Address, formatAddress, isWithin, type Network, parseAddress } from './addresses.ts'

/**
 * The client behind a chain of proxies: from the peer leftwards through `X-Forwarded-For`, the first that is no
 * trusted proxy. What stands further left was written by the client itself and means nothing.
 */
export function clientOf(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trusted: readonly Network[],
): { readonly address: string | undefined; readonly isForwarded: boolean } {
  const first = peer === undefined ? undefined : parseAddress(peer)
  if (first === undefined) return { address: peer, isForwarded: false }
  if (!isWithin(first, trusted)) return { address: formatAddress(first), isForwarded: false }
  let last: Address = first
  for (const entry of (forwardedFor ?? '').split(',').reverse()) {
    const address = parseAddress(entry)
    // Not written by a proxy that does its work: what is known so far is all there is.
    if (address === undefined) break
    last = address
    if (!isWithin(address, trusted)) break
  }
  return { address: formatAddress(last), isForwarded: true }
}
