import { z } from 'zod'
import { Evidence, Layout } from '../formats/source.ts'
import { Mapping } from './mapping.ts'

/** What was recognised in one file. Stored beside the file's row; holds no record text. */
export const Detection = z.strictObject({
  layout: Layout,
  mapping: Mapping,
  /** The format's usual name for people: "ShareGPT", "Alpaca", "one row an utterance"… */
  shapeName: z.string(),
  /** 0 to 1: the product of what each answer is sure of; at 0.8 and above a run may start by itself. */
  confidence: z.number().min(0).max(1),
  evidence: z.array(Evidence),
  /** When a file that was Parquet was copied as JSON Lines, because records were removed from it. */
  copiedAsJsonLinesAt: z.iso.datetime().optional(),
})
export type Detection = z.infer<typeof Detection>

/** From this confidence on *Run when uploaded* starts without a person looking first. */
export const confidentFrom = 0.8

/** Whether a run may start without a person looking first: every file is recognised, or a person mapped them. */
export const isSure = (dataset: {
  readonly files: readonly { readonly detection: Detection | null }[]
  readonly mappingEdited: boolean
}): boolean =>
  dataset.mappingEdited ||
  dataset.files.every(({ detection }) => (detection?.confidence ?? 0) >= confidentFrom)
