/** One step of a glob: a star, any one character, a literal one, or a class. */
type Step =
  | { readonly kind: 'star' }
  | { readonly kind: 'one' }
  | { readonly kind: 'literal'; readonly character: string }
  | {
      readonly kind: 'class'
      readonly negated: boolean
      readonly ranges: readonly (readonly [string, string])[]
    }

/** A glob as Go's filepath.Match reads it; undefined when it is malformed. */
export function parseGlob(text: string): readonly Step[] | undefined {
  const steps: Step[] = []
  const characters = [...text]
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? ''
    if (character === '*') {
      steps.push({ kind: 'star' })
    } else if (character === '?') {
      steps.push({ kind: 'one' })
    } else if (character === '[') {
      const end = characters.indexOf(']', at + 2)
      if (end < 0) return undefined
      const inner = characters.slice(at + 1, end)
      const negated = inner[0] === '^'
      const ranges = parseRanges(negated ? inner.slice(1) : inner)
      if (ranges === undefined) return undefined
      steps.push({ kind: 'class', negated, ranges })
      at = end
    } else {
      if (character === '\\' && at + 1 >= characters.length) return undefined
      steps.push({ kind: 'literal', character: character === '\\' ? (characters[++at] ?? '') : character })
    }
  }
  return steps
}

function parseRanges(inner: readonly string[]): (readonly [string, string])[] | undefined {
  const ranges: (readonly [string, string])[] = []
  for (let at = 0; at < inner.length; at++) {
    const low = inner[at] ?? ''
    const high = inner[at + 1] === '-' ? inner[at + 2] : low
    if (high === undefined || high < low || low === '-') return undefined
    ranges.push([low, high])
    if (inner[at + 1] === '-') at += 2
  }
  return ranges.length === 0 ? undefined : ranges
}

/** Whether the whole value matches; in time proportional to the product of both lengths, whatever the glob. */
export function matchesGlob(steps: readonly Step[], value: string): boolean {
  const characters = [...value]
  let step = 0
  let at = 0
  let star = -1
  let retry = 0
  while (at < characters.length) {
    const current = steps[step]
    if (current?.kind === 'star') {
      star = step++
      retry = at
    } else if (current !== undefined && matchesOne(current, characters[at] ?? '')) {
      step++
      at++
    } else if (star >= 0) {
      step = star + 1
      at = ++retry
    } else {
      return false
    }
  }
  return steps.slice(step).every((rest) => rest.kind === 'star')
}

function matchesOne(step: Step, character: string): boolean {
  if (step.kind === 'literal') return step.character === character
  if (step.kind === 'class') {
    return step.negated !== step.ranges.some(([low, high]) => character >= low && character <= high)
  }
  return step.kind === 'one'
}

/** Gatus drops path separators on both sides, so that `*` spans them. */
export const withoutSlashes = (text: string): string => text.replaceAll('/', '')
