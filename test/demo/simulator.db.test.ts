import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { columns } from '../../src/demo/flight.ts'
import { withPlaces } from '../../src/demo/flow-file.ts'
import { readTsv } from '../../src/demo/n-triples.ts'
import { type DemoProcess, demoProcesses, placeIn } from '../../src/demo/place.ts'
import { Simulator } from '../../src/demo/simulator.ts'
import { prepareWarehouse } from '../../src/demo/warehouse.ts'
import { ownVariables } from '../../src/domain/flows/configuration/own-variables.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { type FlowOnce, openFlow, shippedFlow, statesOf } from '../support/flow-once.ts'
import { fraction } from '../support/kill-moments.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let database: TestDatabase
let folder: string
let portal: Server
let simulator: Simulator
let watched: FlowOnce
let reader: pg.Client
const pinged = new Set<string>()
const said: string[] = []

beforeAll(async () => {
  database = await testDatabase()
  folder = await temporaryFolder('demo')
  portal = createServer(({ url = '' }, response) => {
    pinged.add(url)
    response.end('OK')
  }).listen(0, '127.0.0.1')
  await once(portal, 'listening')
  const address = portal.address()
  let seed = 0
  simulator = await Simulator.start({
    folder,
    warehouseUrl: await prepareWarehouse(database.adminUrl, 'a-password-of-tests'),
    portalUrl: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    tempoMs: 400,
    ports: { feed: 0, spark: 0, nameNode: 0, store: 0 },
    random: () => fraction(++seed),
    clock: () => new Date(),
    say: (sentence) => said.push(sentence),
  })
  const { urls } = simulator
  const text = withPlaces(shippedFlow('demo/helicopter-rdf.yaml'), {
    data: folder,
    feed: urls.feed,
    spark: urls.spark,
    namenode: urls.nameNode,
    store_port: new URL(urls.store).port,
  })
  watched = openFlow(
    text,
    ownVariables({ databaseUrl: database.url, portalUrl: urls.feed, dataFolder: folder }),
  )
  reader = new pg.Client({ connectionString: database.url })
  await reader.connect()
})
afterAll(async () => {
  await simulator.close()
  await watched.close()
  await reader.end()
  portal.close()
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

const files = (name: keyof ReturnType<typeof placeIn>) => readdirSync(placeIn(folder)[name])
const patiently = { timeout: 40_000, interval: 200 }
const healthy = Object.fromEntries(demoProcesses.map((process) => [process, 'HEALTHY']))

/** Looks until the flow shows this. */
async function shows(wanted: Record<string, string>, ahead = 0): Promise<void> {
  await vi.waitFor(
    async () => expect(statesOf(await watched.look(Date.now() + ahead))).toMatchObject(wanted),
    patiently,
  )
}

describe('the simulator', () => {
  test('moves files through every process, and all checks are green', async () => {
    await shows(healthy)
    expect(files('unzipped').some((name) => name.endsWith('.nt'))).toBe(true)
    const name = files('parsed').find((each) => each.endsWith('.tsv')) ?? ''
    const table = readFileSync(join(placeIn(folder).parsed, name), 'utf8')
    expect(table.split('\n')[0]).toBe(columns.join('\t'))
    expect(readTsv(table)).toHaveLength(60)
    await vi.waitFor(() => expect(files('compressed')).toContain(`${name}.gz`), patiently)
    expect(gunzipSync(readFileSync(join(placeIn(folder).compressed, `${name}.gz`))).toString()).toBe(table)
    const day = `${name.slice(0, 4)}-${name.slice(4, 6)}-${name.slice(6, 8)}`
    await vi.waitFor(() => {
      expect(readdirSync(join(placeIn(folder).store, day))).toContain(name)
      expect(files('hdfs')).toContain(name)
    }, patiently)
  })
  test('the drill-down has file, algorithm, status, time and detail', async () => {
    const drillDown = watched.flow.processes.find(({ id }) => id === 'algorithms')?.drillDown
    const check = watched.flow.checks.find(({ id }) => id === drillDown?.check)
    if (check?.type !== 'results') throw new Error('no results')
    const { rows } = await reader.query<Record<string, unknown>>(check.parameters.query ?? '')
    expect(Object.keys(rows[0] ?? {})).toEqual(drillDown?.columns)
    expect(rows[0]).toEqual({
      file: expect.stringMatching(/^\d{8}T\d{9}Z_XX-HE[A-F]$/),
      algorithm: expect.stringMatching(/^(?:distance|exceedances|hover_time|landing|max_altitude)$/),
      status: 'OK',
      finished_at: expect.any(Date),
      detail: expect.any(String),
    })
    const { rows: stored } = await reader.query('select tail_number, value, unit from demo.result limit 1')
    expect(stored[0]).toMatchObject({
      tail_number: expect.stringMatching(/^XX-HE/),
      unit: expect.any(String),
    })
  })
  test('the portal may read these tables and nothing more', async () => {
    await expect(reader.query('delete from demo.result')).rejects.toThrow('permission denied')
  })
  test('tells the portal that its jobs ran', async () => {
    await vi.waitFor(
      () => expect([...pinged].sort()).toEqual(['/ping/demo-download', '/ping/demo-retrain']),
      patiently,
    )
  })
})

describe('what is broken is what the board shows', () => {
  // Some checks go by age: a few seconds ahead they see what stands still.
  const ahead: Partial<Record<DemoProcess, number>> = { unzip: 6_500, sql_results: 6_500 }
  const below: Record<DemoProcess, Record<string, string>> = {
    download: { unzip: 'HEALTHY at_risk', sql_results: 'HEALTHY at_risk' },
    unzip: { download: 'HEALTHY', parse: 'HEALTHY at_risk' },
    parse: { unzip: 'HEALTHY', compress: 'HEALTHY at_risk' },
    compress: { parse: 'HEALTHY', tsv_store: 'HEALTHY', sql_results: 'HEALTHY' },
    tsv_store: { compress: 'HEALTHY', hadoop_spark: 'HEALTHY at_risk' },
    hadoop_spark: { tsv_store: 'HEALTHY', algorithms: 'HEALTHY at_risk' },
    algorithms: { hadoop_spark: 'HEALTHY', sql_results: 'HEALTHY at_risk' },
    sql_results: { algorithms: 'HEALTHY' },
  }
  test.each(demoProcesses)('%s: red as the cause, and green again once mended', async (process) => {
    await simulator.break(process)
    expect(simulator.broken).toEqual([process])
    await shows({ ...below[process], [process]: 'FAILED root' }, ahead[process])
    await simulator.mend(process)
    await shows(healthy)
  })
  test('the processes below wait, and one sentence names the cause', async () => {
    await simulator.break('tsv_store')
    await shows({
      parse: 'HEALTHY',
      tsv_store: 'FAILED root',
      hadoop_spark: 'FAILED consequence',
      algorithms: 'FAILED consequence',
      sql_results: 'FAILED consequence',
    })
    await vi.waitFor(async () => {
      const { sentence, roots } = await watched.look()
      expect(roots).toEqual(['tsv_store'])
      expect(sentence).toMatch(/^TSV STORE .*3 processes wait/)
    }, patiently)
    await simulator.mend('tsv_store')
    await shows(healthy)
  })
  test('a parser that somebody kills is broken until it is mended', async () => {
    process.kill(
      Number(files('run').includes('parse.pid') && readFileSync(join(folder, 'run', 'parse.pid'), 'utf8')),
      'SIGKILL',
    )
    await vi.waitFor(() => expect(simulator.broken).toEqual(['parse']), patiently)
    await shows({ parse: 'FAILED root' })
    await simulator.mend('parse')
    await shows(healthy)
  })
})

test('it keeps some eighty flights and lets the older ones go, from the tables too', async () => {
  await vi.waitFor(() => expect(files('hdfs').length).toBeGreaterThan(60), patiently)
  await vi.waitFor(async () => {
    const { rows } = await reader.query<{ flights: string }>(
      'select count(distinct file_name) as flights from demo.algorithm_run',
    )
    expect(Number(rows[0]?.flights)).toBeLessThan(120)
    expect(files('unzipped').length).toBeLessThan(120)
  }, patiently)
  expect(said.filter((sentence) => !sentence.startsWith('parse ended by itself'))).toEqual([])
})
