/** Origins as browsers send them, from a list with commas or spaces; or the first entry that is none. */
export function parseOrigins(
  list: string,
): { readonly origins: readonly string[] } | { readonly mistake: string } {
  const origins = new Set<string>()
  for (const entry of list.split(/[\s,]+/).filter((part) => part !== '')) {
    const origin = originOf(entry)
    if (origin === undefined) return { mistake: entry }
    origins.add(origin)
  }
  return { origins: [...origins] }
}

/** Scheme, host and port alone: who writes a path or a user means something that no origin can say. */
function originOf(entry: string): string | undefined {
  if (!URL.canParse(entry)) return undefined
  const { protocol, pathname, search, hash, username, password, origin } = new URL(entry)
  const isBare = pathname === '/' && `${search}${hash}${username}${password}` === ''
  return isBare && (protocol === 'https:' || protocol === 'http:') ? origin : undefined
}
