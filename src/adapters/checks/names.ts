import { type LookupAddress, lookup } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import type { LookupFunction } from 'node:net'
import { codeOf } from './problems.ts'

/** What the machine itself names is found without any server. */
const hostsFile = '/etc/hosts'
/** Other servers of names are noticed after this long; so long a reading of the file of hosts holds, too. */
const renewedMs = 5_000
/** How long servers of names are waited for, and how often they are asked. */
const patience = { timeout: 2_000, tries: 2 }

/**
 * Finds the addresses of names as the system does, but only where the system will not wait. It looks names up in the
 * few threads that all of this process shares, and nothing ends a look before its time: names whose server is silent
 * would make every other name wait. So a server is asked first, by a question that takes no thread, and the system only
 * once it has answered, whatever that was. Whoever asks for the same name waits for the same answer.
 */
export class Names {
  readonly #servers: readonly string[] | undefined
  readonly #looks = new Map<string, Promise<readonly LookupAddress[]>>()
  #resolver: { readonly since: number; readonly made: Resolver } | undefined
  #hosts: { readonly since: number; readonly names: Promise<ReadonlySet<string>> } | undefined

  /** @param servers addresses of servers to ask whether they answer; undefined: those of the system */
  constructor(servers?: readonly string[]) {
    this.#servers = servers
  }

  /** For sockets and whatever connects like one. */
  readonly lookup: LookupFunction = (name, { family, all }, callback) => {
    const wanted = family === 4 || family === 'IPv4' ? 4 : family === 6 || family === 'IPv6' ? 6 : undefined
    this.#addressesOf(name.toLowerCase()).then(
      (found) => {
        const addresses = found.filter((each) => wanted === undefined || each.family === wanted)
        const [first] = addresses
        if (first === undefined) callback(unresolved(name), '', 0)
        else if (all === true) callback(null, addresses)
        else callback(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    )
  }

  #addressesOf(name: string): Promise<readonly LookupAddress[]> {
    const known = this.#looks.get(name)
    if (known !== undefined) return known
    const look = this.#look(name).finally(() => this.#looks.delete(name))
    this.#looks.set(name, look)
    return look
  }

  async #look(name: string): Promise<readonly LookupAddress[]> {
    const isOwn = (await this.#namesOfHosts()).has(name)
    if (!isOwn && !(await this.#isAnswered(name))) throw unresolved(name)
    return new Promise((resolve, reject) => {
      lookup(name, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)))
    })
  }

  /** Whether a server says anything of the name, were it that there is none: the system knows more ways to find it. */
  async #isAnswered(name: string): Promise<boolean> {
    try {
      await this.#asked().resolve4(name)
      return true
    } catch (error) {
      return codeOf(error) !== 'ETIMEOUT'
    }
  }

  #asked(): Resolver {
    const now = performance.now()
    if (this.#resolver === undefined || now - this.#resolver.since > renewedMs) {
      const made = new Resolver(patience)
      if (this.#servers !== undefined) made.setServers(this.#servers)
      this.#resolver = { since: now, made }
    }
    return this.#resolver.made
  }

  #namesOfHosts(): Promise<ReadonlySet<string>> {
    const now = performance.now()
    if (this.#hosts === undefined || now - this.#hosts.since > renewedMs) {
      const names = readFile(hostsFile, 'utf8').then(namesIn, () => new Set<string>())
      this.#hosts = { since: now, names }
    }
    return this.#hosts.names
  }
}

/** Each line is an address and its names; `#` begins a remark. */
const namesIn = (hosts: string): ReadonlySet<string> =>
  new Set(hosts.split('\n').flatMap((line) => line.replace(/#.*/, '').toLowerCase().split(/\s+/).slice(1)))

const unresolved = (name: string) =>
  Object.assign(new Error(`the name ${name} does not resolve`), { code: 'EAI_AGAIN' })
