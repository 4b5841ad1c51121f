import { z } from 'zod'
import { Mapping } from '../datasets/mapping.ts'
import { Layout } from '../formats/source.ts'
import type { Vault } from '../vault/vault.ts'
import { findRecordsOf, withoutRecords } from './remove-records.ts'
import { subjectMatcher } from './subject.ts'

/** One stored source to be looked through for the records about someone, and to be copied without them. */
export const SourceToSearch = z.strictObject({
  datasetId: z.string(),
  objectId: z.string(),
  layout: Layout,
  mapping: Mapping,
  /** Ordinal of its first record within the dataset. */
  firstOrdinal: z.number().int(),
  subjectHmac: z.string(),
  /** Ordinals within the dataset whose repairs are about them. */
  repaired: z.array(z.number().int()).readonly(),
  /** The object that gets the copy, under the dataset's newest key; without it nothing is written. */
  copyTo: z.string().optional(),
})
export type SourceToSearch = z.infer<typeof SourceToSearch>

/** What was found, and taken out where a copy was asked for. Numbers only. */
export const TakenOut = z.strictObject({
  /** Ordinals within the dataset. */
  ordinals: z.array(z.number().int()).readonly(),
  /** Records nobody could look into, and all of them. */
  unreadable: z.number().int(),
  records: z.number().int(),
  copy: z.strictObject({ bytes: z.number().int(), sha256: z.string() }).optional(),
})
export type TakenOut = z.infer<typeof TakenOut>

/** @throws SourceRefused when the source cannot be read, or not be copied without those records */
export type TakeOut = (work: SourceToSearch) => Promise<TakenOut>

/** Reads and writes where it is called: for a process that may die over it, and for text, which streams. */
export const takeOutStored =
  (vault: Vault): TakeOut =>
  async ({ datasetId, objectId, layout, mapping, firstOrdinal, subjectHmac, repaired, copyTo }) => {
    const isAsked = await subjectMatcher(vault, subjectHmac)
    const source = await vault.open({ owner: datasetId, id: objectId, kind: 'source' })
    try {
      const found = await findRecordsOf(source, layout, mapping, firstOrdinal, isAsked, new Set(repaired))
      const { ordinals, unreadable, records } = found
      if (copyTo === undefined) return { ordinals, unreadable, records }
      const name = { owner: datasetId, id: copyTo, kind: 'source' } as const
      const copy = await vault.write(name, withoutRecords(source, layout, mapping, found))
      return { ordinals, unreadable, records, copy }
    } finally {
      await source.close()
    }
  }
