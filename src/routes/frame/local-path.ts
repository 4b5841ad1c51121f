/** A path on this site, or nothing: what comes with a link must not lead elsewhere. */
export function localPath(next: string | undefined): string | undefined {
  if (next === undefined || !next.startsWith('/')) return undefined
  const base = 'http://signalbox.invalid'
  if (!URL.canParse(next, base)) return undefined
  const url = new URL(next, base)
  if (url.origin !== base) return undefined
  const path = url.pathname + url.search
  // `/x/..//elsewhere` comes out as `//elsewhere`, which a browser takes for a host.
  return path.startsWith('//') ? undefined : path
}
