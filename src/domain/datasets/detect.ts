import { z } from 'zod'
import { detectLayout } from '../formats/detect-layout.ts'
import { readUnits } from '../formats/read-units.ts'
import type { Evidence, SourceBytes } from '../formats/source.ts'
import { SourceRefused } from '../formats/source-refused.ts'
import type { Json } from '../json.ts'
import { ok, type Result, refuse } from '../result.ts'
import { detectShape } from './detect-shape.ts'
import { Detection } from './detection.ts'
import type { Shape } from './shape.ts'

/** Units looked at; row tables need more of them to see their groups. */
const sampleUnits = 2_000
const sampleBytes = 4 * 1024 * 1024

/** What `detect` answers, as it comes back from another process. */
export const DetectionAnswer = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), value: Detection }),
  z.strictObject({
    ok: z.literal(false),
    problem: z.strictObject({ kind: z.enum(['invalid', 'unsupported']), message: z.string() }),
  }),
])

/**
 * Recognises a file from its content: encoding, format, shape, fields and roles, each with evidence. The name only
 * matters where it contradicts the content: that is said. Nothing of the text leaves, only counts and field names.
 * @param fileName for its ending
 * @returns a refusal for what cannot be read at all: empty, not a supported format, damaged
 */
export async function detect(source: SourceBytes, fileName: string): Promise<Result<Detection>> {
  const layout = await detectLayout(source, fileName)
  if (!layout.ok) return layout
  const sample: Json[] = []
  let unreadable = 0
  try {
    let end = 0
    sampling: for await (const units of readUnits(source, layout.value.layout, undefined)) {
      for (const unit of units) {
        if ('reason' in unit) unreadable++
        else sample.push(unit.value)
        end += unit.byteLength
        if (sample.length + unreadable >= sampleUnits || end >= sampleBytes) break sampling
      }
    }
  } catch (error) {
    if (error instanceof SourceRefused) return refuse('unsupported', error.message)
    throw error
  }
  if (sample.length === 0) {
    return refuse(
      'invalid',
      unreadable === 0
        ? 'The file holds no records: nothing comes after its head. Check that the export finished, and upload it again.'
        : `${unreadable === 1 ? 'The first record could not' : `None of the first ${unreadable} records could`} be read as ${layout.value.layout.format.toUpperCase()}. Check that the file is what its name says, and upload it again.`,
    )
  }
  const shape: Shape = detectShape(sample)
  const readable = sample.length / (sample.length + unreadable)
  const evidence: Evidence[] = [...layout.value.evidence, ...shape.evidence]
  return ok({
    layout: layout.value.layout,
    mapping: shape.mapping,
    shapeName: shape.name,
    confidence: Math.round(layout.value.sure * shape.sure * Math.min(1, readable + 0.1) * 1000) / 1000,
    evidence,
  })
}
