import { fork } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Cluster } from './cluster.ts'
import { Feed } from './feed.ts'
import { Heartbeats } from './heartbeats.ts'
import { type Loopback, listenOnLoopback } from './loopback.ts'
import { type DemoPlace, type DemoProcess, demoProcesses, folderNames, placeIn } from './place.ts'
import * as steps from './steps.ts'
import { Warehouse } from './warehouse.ts'

export interface SimulatorOptions {
  readonly folder: string
  /** Where results end, as the role that may write them. */
  readonly warehouseUrl: string
  /** The portal that heartbeats go to. */
  readonly portalUrl: string
  /** Between two archives. */
  readonly tempoMs: number
  /** Ports that are wished for; taken ones are replaced by free ones. 0: any. */
  readonly ports: {
    readonly feed: number
    readonly spark: number
    readonly nameNode: number
    readonly store: number
  }
  readonly random: () => number
  readonly clock: () => Date
  readonly say: (sentence: string) => void
}

/** Flights that are kept, and archives: some 15 MB. */
const kept = { flights: 80, archives: 60 } as const
const cleanEvery = 5_000

/** Moves files through the eight processes until it is closed. Each process is a loop of its own; the parser a process. */
export class Simulator {
  readonly #options: SimulatorOptions
  readonly #places: DemoPlace
  readonly #feed: Feed
  readonly #cluster = new Cluster()
  readonly #warehouse: Warehouse
  readonly #heartbeats: Heartbeats
  readonly #broken = new Set<DemoProcess>()
  readonly #servers = new Map<'feed' | 'spark' | 'nameNode' | 'store', Loopback>()
  readonly #closing = new AbortController()
  readonly #told = new Map<string, string>()
  #loops: Promise<void>[] = []
  #endParser: () => Promise<void> = async () => {}

  private constructor(options: SimulatorOptions) {
    this.#options = options
    this.#places = placeIn(options.folder)
    this.#feed = new Feed(options.random)
    this.#warehouse = new Warehouse(options.warehouseUrl)
    this.#heartbeats = new Heartbeats(options.portalUrl, options.say)
  }

  static async start(options: SimulatorOptions): Promise<Simulator> {
    const simulator = new Simulator(options)
    await simulator.#start()
    return simulator
  }

  /** Addresses of the servers. */
  get urls(): {
    readonly feed: string
    readonly spark: string
    readonly nameNode: string
    readonly store: string
  } {
    const url = (name: 'feed' | 'spark' | 'nameNode' | 'store') => this.#servers.get(name)?.url ?? ''
    return { feed: url('feed'), spark: url('spark'), nameNode: url('nameNode'), store: url('store') }
  }

  get broken(): readonly DemoProcess[] {
    return demoProcesses.filter((process) => this.#broken.has(process))
  }

  async break(process: DemoProcess): Promise<void> {
    if (this.#broken.has(process)) return
    this.#broken.add(process)
    if (process === 'download') this.#feed.isAway = true
    if (process === 'hadoop_spark') this.#cluster.isDown = true
    if (process === 'parse') await this.#endParser()
    if (process === 'tsv_store') await this.#servers.get('store')?.close()
  }

  async mend(process: DemoProcess): Promise<void> {
    if (!this.#broken.delete(process)) return
    if (process === 'download') this.#feed.isAway = false
    if (process === 'hadoop_spark') this.#cluster.isDown = false
    if (process === 'parse') await this.#startParser()
    if (process === 'tsv_store') await this.#openStore(this.#servers.get('store')?.port ?? 0)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#endParser()
    await Promise.all(this.#loops)
    await Promise.all([...this.#servers.values()].map((server) => server.close()))
    await this.#warehouse.close()
  }

  async #start(): Promise<void> {
    const { ports, tempoMs, clock } = this.#options
    for (const name of folderNames) await mkdir(this.#places[name], { recursive: true })
    const done = new Set(await this.#warehouse.filesDone(steps.containerLost))
    this.#servers.set('feed', await listenOnLoopback(this.#feed.answer, ports.feed))
    this.#servers.set('spark', await listenOnLoopback(this.#cluster.master, ports.spark))
    this.#servers.set('nameNode', await listenOnLoopback(this.#cluster.nameNode, ports.nameNode))
    await this.#openStore(ports.store)
    const { feed: feedUrl, spark: sparkUrl } = this.urls
    const places = this.#places
    const look = tempoMs / 8
    const working = { sparkUrl, cluster: this.#cluster, warehouse: this.#warehouse }
    this.#loop('the feed', tempoMs, async () => this.#feed.record(clock()))
    this.#unlessBroken('download', look, async () => {
      await steps.download(places, feedUrl)
      await this.#heartbeats.beat('demo-download', clock())
    })
    this.#unlessBroken('unzip', look, () => steps.unzip(places))
    this.#unlessBroken('compress', look, () => steps.compress(places))
    this.#unlessBroken('tsv_store', look, () => steps.storeTables(places))
    this.#unlessBroken('hadoop_spark', look, () => steps.loadIntoHdfs(places, this.#cluster))
    this.#loop('algorithms', look, () => this.#runAlgorithms(working, done))
    this.#unlessBroken('sql_results', look, () => steps.loadResults(places, this.#warehouse))
    this.#loop('cleaning up', cleanEvery, () => steps.cleanUp(places, this.#warehouse, kept))
    await this.#startParser()
  }

  /** Broken algorithms still run, and fail; once mended, what failed so is run again. */
  async #runAlgorithms(working: Parameters<typeof steps.runAlgorithms>[1], done: Set<string>): Promise<void> {
    const isBroken = this.#broken.has('algorithms')
    if (isBroken) this.#lostSince ??= new Set(done)
    else if (this.#lostSince !== undefined) {
      for (const name of done) if (!this.#lostSince.has(name)) done.delete(name)
      this.#lostSince = undefined
    }
    await steps.runAlgorithms(this.#places, working, done, isBroken)
    if (!isBroken) await this.#heartbeats.beat('demo-retrain', this.#options.clock())
  }
  /** What was done before the algorithms broke. */
  #lostSince: ReadonlySet<string> | undefined

  #unlessBroken(process: DemoProcess, everyMs: number, step: () => Promise<void>): void {
    this.#loop(process, everyMs, async () => {
      if (!this.#broken.has(process)) await step()
    })
  }

  /** A step that fails says so once, and is tried again: its check shows what it means. */
  #loop(name: string, everyMs: number, step: () => Promise<void>): void {
    const { signal } = this.#closing
    const run = async () => {
      while (!signal.aborted) {
        try {
          await step()
          this.#told.delete(name)
        } catch (error) {
          this.#tell(name, error instanceof Error ? error.message : 'a fault')
        }
        await wait(everyMs, undefined, { signal }).catch(() => {})
      }
    }
    this.#loops.push(run())
  }

  #tell(name: string, message: string): void {
    if (this.#closing.signal.aborted || this.#told.get(name) === message) return
    this.#told.set(name, message)
    this.#options.say(`${name} does not get on: ${message}`)
  }

  async #openStore(port: number): Promise<void> {
    const answer: Parameters<typeof listenOnLoopback>[0] = (_, response) =>
      void response.writeHead(200, { 'content-type': 'text/plain' }).end('The TSV store.\n')
    this.#servers.set('store', await listenOnLoopback(answer, port))
  }

  async #startParser(): Promise<void> {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const child = fork(
      new URL(`./parser-process.${extension}`, import.meta.url),
      [this.#options.folder, String(this.#options.tempoMs / 8)],
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    )
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    let isAsked = false
    child.once('exit', () => {
      // Killed by someone: the board shows it, and `mend parse` starts it again.
      if (!isAsked && !this.#closing.signal.aborted) {
        this.#broken.add('parse')
        this.#options.say('parse ended by itself; npm run demo:flow -- mend parse starts it again')
      }
    })
    this.#endParser = async () => {
      isAsked = true
      child.kill('SIGKILL')
      await ended
    }
    if (child.pid !== undefined) await writeFile(join(this.#places.run, 'parse.pid'), `${child.pid}\n`)
  }
}

/** Everything the demo put on the disk. */
export const removeFolder = (folder: string) => rm(folder, { recursive: true, force: true })
