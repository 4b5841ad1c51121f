import type { Evidence } from '../formats/source.ts'
import type { Json, JsonObject } from '../json.ts'
import type { Mapping } from './mapping.ts'

/** How sampled records hold conversations, and why we believe it. */
export interface Shape {
  readonly mapping: Mapping
  readonly name: string
  readonly sure: number
  readonly evidence: readonly Evidence[]
}

export const isText = (value: Json | undefined): boolean => typeof value === 'string' && value.trim() !== ''

/** Share of records whose field passes, 0 to 1. */
export const share = (
  records: readonly JsonObject[],
  field: string,
  test: (value: Json | undefined) => boolean,
): number =>
  records.length === 0 ? 0 : records.filter((record) => test(record[field])).length / records.length

export const percent = (part: number): string => `${Math.round(part * 100)} %`
