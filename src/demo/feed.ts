import type { RequestListener } from 'node:http'
import { fleet, recordFlight } from './flight.ts'
import { toTriples } from './n-triples.ts'
import { zipArchive } from './zip-archive.ts'

const flightsInArchive = 2
const offered = 5

/** The partner's server: it always has the newest archives of the fleet, each with one file a flight. */
export class Feed {
  readonly #archives = new Map<string, Buffer>()
  readonly #random: () => number
  #next = 0
  isAway = false

  constructor(random: () => number) {
    this.#random = random
  }

  /** Adds an archive; the oldest one goes. */
  record(now: Date): void {
    // Without dots and colons, and sorting as the time does.
    const stamp = now.toISOString().replaceAll(/[-:.]/g, '')
    const entries = Array.from({ length: flightsInArchive }, () => {
      const aircraft = fleet[this.#next++ % fleet.length]
      if (aircraft === undefined) throw new Error('the fleet has no aircraft')
      const name = `${stamp}_${aircraft.tailNumber}`
      const flight = recordFlight(aircraft, now.getTime() - 480_000, this.#random)
      const triples = toTriples(name, flight)
      // Some recordings are cut off in the middle of a line.
      const text = this.#random() < 0.02 ? triples.slice(0, triples.length / 2) : triples
      return { name: `${name}.nt`, content: Buffer.from(text) }
    })
    this.#archives.set(stamp, zipArchive(entries))
    for (const oldest of this.#archives.keys()) {
      if (this.#archives.size <= offered) break
      this.#archives.delete(oldest)
    }
  }

  readonly answer: RequestListener = ({ url = '' }, response) => {
    if (this.isAway) {
      response.writeHead(503, { 'content-type': 'text/plain' }).end('The feed is being repaired.\n')
      return
    }
    const archive = this.#archives.get(/^\/archives\/(\w+)\.zip$/.exec(url)?.[1] ?? '')
    if (url === '/health') response.writeHead(204).end()
    else if (url === '/archives') {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify([...this.#archives.keys()]))
    } else if (archive !== undefined) {
      response.writeHead(200, { 'content-type': 'application/zip' }).end(archive)
    } else response.writeHead(404).end()
  }
}
