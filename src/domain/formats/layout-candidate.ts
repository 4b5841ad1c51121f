import type { Layout } from './source.ts'

/** A layout that fits the beginning of a file, and how sure that is. */
export interface Candidate {
  readonly layout: Layout
  readonly answer: string
  readonly because: string
  readonly sure: number
}
