import type { Json } from '../json.ts'
import type { Cursor, ReadReason } from './source.ts'

/** A record larger than this is quarantined, not held. */
export const largestUnit = 8 * 1024 * 1024

/** A line, row or element of a source. `byteOffset` counts UTF-8 bytes: those of the file itself when it is UTF-8. */
export interface UnitPosition {
  readonly unit: number
  readonly line: number | null
  readonly byteOffset: number
  readonly byteLength: number
  /** Line on which reading goes on after it. */
  readonly nextLine: number
}
export type Unit = UnitPosition &
  (
    | { readonly value: Json }
    | {
        readonly reason: ReadReason
        /** Of a removed conversation: a row after its first. */
        readonly goesOn?: true
      }
  )

/** Where reading goes on after a unit. */
export const cursorAfter = ({ unit, byteOffset, byteLength, nextLine }: UnitPosition): Cursor => ({
  unit: unit + 1,
  line: nextLine,
  byteOffset: byteOffset + byteLength,
})
