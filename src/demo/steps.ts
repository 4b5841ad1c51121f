import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { openPromise } from 'yauzl'
import { z } from 'zod'
import { algorithms, NoResult } from './algorithms.ts'
import type { Cluster } from './cluster.ts'
import { isGone, namesIn, namesToDo, place, remove, writeWhole } from './demo-files.ts'
import { readTsv } from './n-triples.ts'
import type { DemoPlace } from './place.ts'
import type { AlgorithmRun, StoredResult, Warehouse } from './warehouse.ts'

/** Fetches the archives that are not here yet. */
export async function download(places: DemoPlace, feedUrl: string): Promise<void> {
  const offered = await fetch(`${feedUrl}/archives`, { signal: AbortSignal.timeout(2_000) })
  if (!offered.ok) return
  const here = new Set([
    ...(await namesIn(places.incoming, '.zip')),
    ...(await namesIn(places.archives, '.zip')),
  ])
  for (const name of z.array(z.string().regex(/^\w+$/)).parse(await offered.json())) {
    if (here.has(name)) continue
    const archive = await fetch(`${feedUrl}/archives/${name}.zip`, { signal: AbortSignal.timeout(2_000) })
    if (!archive.ok) continue
    await writeWhole(join(places.incoming, `${name}.zip`), Buffer.from(await archive.arrayBuffer()))
  }
}

/** Unpacks what came, then puts the archive away. */
export async function unzip({ incoming, archives, unzipped }: DemoPlace): Promise<void> {
  for (const name of await namesIn(incoming, '.zip')) {
    const path = join(incoming, `${name}.zip`)
    const archive = await openPromise(path, { autoClose: false })
    try {
      for await (const entry of archive.eachEntry()) {
        const chunks: Buffer[] = []
        for await (const chunk of await archive.openReadStreamPromise(entry)) chunks.push(chunk)
        await writeWhole(join(unzipped, entry.fileName), Buffer.concat(chunks))
      }
    } finally {
      archive.close()
    }
    await rename(path, join(archives, `${name}.zip`))
  }
}

const compressed = promisify(gzip)

export async function compress(places: DemoPlace): Promise<void> {
  const names = await namesToDo({ folder: places.parsed, ending: '.tsv' }, [
    { folder: places.compressed, ending: '.tsv.gz' },
  ])
  for (const name of names) {
    const table = await readFile(join(places.parsed, `${name}.tsv`)).catch(goneAs(undefined))
    if (table !== undefined) {
      await writeWhole(join(places.compressed, `${name}.tsv.gz`), await compressed(table))
    }
  }
}

/** One folder a day; the compressed table joins the plain one where there is one. */
export async function storeTables(places: DemoPlace): Promise<void> {
  for (const [folder, ending] of [
    [places.parsed, '.tsv'],
    [places.compressed, '.tsv.gz'],
  ] as const) {
    for (const name of await namesIn(folder, ending)) {
      await place(join(folder, `${name}${ending}`), join(places.store, dayOf(name)), `${name}${ending}`)
    }
  }
}

/** The day a name begins with, as a folder: 2026-11-21. */
const dayOf = (name: string) => name.replace(/^(\d{4})(\d\d)(\d\d).*$/, '$1-$2-$3')

export async function loadIntoHdfs({ store, hdfs }: DemoPlace, cluster: Cluster): Promise<void> {
  const days = (await namesIn(store, '')).slice(-2)
  for (const day of days) {
    const names = await namesToDo({ folder: join(store, day), ending: '.tsv' }, [
      { folder: hdfs, ending: '.tsv' },
    ])
    for (const name of names) await place(join(store, day, `${name}.tsv`), hdfs, `${name}.tsv`)
  }
  cluster.hold((await namesIn(hdfs, '.tsv')).length)
}

/** What is said of a run that the cluster lost; such a file is tried again. */
export const containerLost = 'container killed: out of memory'

const Master = z.object({ status: z.string(), aliveworkers: z.number() })

/**
 * Runs every algorithm over every new file, on Spark: without it nothing runs.
 * @param done files that are over; grows
 * @param isBroken then every run loses its container
 */
export async function runAlgorithms(
  { hdfs, results }: DemoPlace,
  { sparkUrl, cluster, warehouse }: { sparkUrl: string; cluster: Cluster; warehouse: Warehouse },
  done: Set<string>,
  isBroken: boolean,
): Promise<void> {
  const answer = await fetch(`${sparkUrl}/json/`, { signal: AbortSignal.timeout(2_000) })
  const master = Master.parse(await answer.json())
  if (master.status !== 'ALIVE' || master.aliveworkers === 0) return
  const names = await namesIn(hdfs, '.tsv')
  // What was cleaned away need not be remembered.
  for (const name of done) if (!names.includes(name)) done.delete(name)
  for (const name of names.filter((each) => !done.has(each))) {
    const text = await readFile(join(hdfs, `${name}.tsv`), 'utf8').catch(goneAs(undefined))
    if (text === undefined) continue
    const { runs, found } = isBroken ? lost(name) : computed(name, text)
    await warehouse.recordRuns(runs)
    cluster.run()
    if (!isBroken) await writeWhole(join(results, `${name}.json`), JSON.stringify(found))
    done.add(name)
  }
}

const lost = (fileName: string): { runs: AlgorithmRun[]; found: StoredResult[] } => ({
  runs: Object.keys(algorithms).map((algorithm) => ({
    fileName,
    algorithm,
    status: 'FAILED',
    detail: containerLost,
  })),
  found: [],
})

function computed(fileName: string, text: string): { runs: AlgorithmRun[]; found: StoredResult[] } {
  const flight = readTsv(text)
  const runs: AlgorithmRun[] = []
  const found: StoredResult[] = []
  for (const [algorithm, compute] of Object.entries(algorithms)) {
    try {
      const { value, unit, detail } = compute(flight)
      runs.push({ fileName, algorithm, status: 'OK', detail })
      found.push({ fileName, algorithm, tailNumber: fileName.split('_')[1] ?? '', value, unit })
    } catch (error) {
      if (!(error instanceof NoResult)) throw error
      runs.push({ fileName, algorithm, status: 'FAILED', detail: error.message })
    }
  }
  return { runs, found }
}

const Results = z.array(
  z.object({
    fileName: z.string(),
    algorithm: z.string(),
    tailNumber: z.string(),
    value: z.number(),
    unit: z.string(),
  }),
)

/** Results into Postgres; a file that is loaded leaves the queue. */
export async function loadResults({ results, loaded }: DemoPlace, warehouse: Warehouse): Promise<void> {
  for (const name of await namesIn(results, '.json')) {
    const path = join(results, `${name}.json`)
    const text = await readFile(path, 'utf8').catch(goneAs(undefined))
    if (text === undefined) continue
    await warehouse.storeResults(Results.parse(JSON.parse(text)))
    await rename(path, join(loaded, `${name}.json`))
  }
}

/** The newest stay, the rest goes from everywhere at once: room is constant, and sums still match. */
export async function cleanUp(
  places: DemoPlace,
  warehouse: Warehouse,
  { flights, archives }: { readonly flights: number; readonly archives: number },
): Promise<void> {
  for (const folder of [places.incoming, places.archives]) {
    const names = await namesIn(folder, '.zip')
    for (const name of names.slice(0, -archives)) await remove(join(folder, `${name}.zip`))
  }
  const days = await namesIn(places.store, '')
  const kinds = [
    // What is worked from goes first, or it would be worked again.
    { folder: places.unzipped, ending: '.nt' },
    { folder: places.rejected, ending: '.nt' },
    { folder: places.parsed, ending: '.tsv' },
    { folder: places.compressed, ending: '.tsv.gz' },
    ...days.flatMap((day) => [
      { folder: join(places.store, day), ending: '.tsv' },
      { folder: join(places.store, day), ending: '.tsv.gz' },
    ]),
    { folder: places.hdfs, ending: '.tsv' },
    { folder: places.results, ending: '.json' },
    { folder: places.loaded, ending: '.json' },
  ]
  const names = new Set((await Promise.all(kinds.map((each) => namesIn(each.folder, each.ending)))).flat())
  const oldestKept = [...names].sort().at(-flights)
  if (oldestKept === undefined || names.size <= flights) return
  for (const { folder, ending } of kinds) {
    for (const name of await namesIn(folder, ending)) {
      if (name < oldestKept) await remove(join(folder, `${name}${ending}`))
    }
  }
  await warehouse.forgetBefore(oldestKept)
}

const goneAs =
  <T>(instead: T) =>
  (error: unknown): T => {
    if (isGone(error)) return instead
    throw error
  }
