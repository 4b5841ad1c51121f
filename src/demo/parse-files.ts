import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isGone, namesToDo, place, writeWhole } from './demo-files.ts'
import { NotTriples, readTriples, toTsv } from './n-triples.ts'
import type { DemoPlace } from './place.ts'

/** RDF to tables; what is no RDF is kept aside. */
export async function parseFiles({ unzipped, parsed, rejected }: DemoPlace): Promise<void> {
  const names = await namesToDo({ folder: unzipped, ending: '.nt' }, [
    { folder: parsed, ending: '.tsv' },
    { folder: rejected, ending: '.nt' },
  ])
  for (const name of names) {
    const path = join(unzipped, `${name}.nt`)
    try {
      await writeWhole(join(parsed, `${name}.tsv`), toTsv(readTriples(await readFile(path, 'utf8'))))
    } catch (error) {
      if (error instanceof NotTriples) await place(path, rejected, `${name}.nt`)
      else if (!isGone(error)) throw error
    }
  }
}
