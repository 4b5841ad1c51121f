interface Watcher {
  hasChanged: boolean
  wake: () => void
}

/** Time alone changes what is shown: everybody looks at least this often. */
const lookMs = 1_000

/** Who waits for changes of flows in this process. */
export class FlowWatchers {
  /** By flow; undefined: of all. */
  readonly #watchers = new Map<string | undefined, Set<Watcher>>()
  readonly #timer = setInterval(() => this.tellAll(), lookMs)

  constructor() {
    this.#timer.unref()
  }

  /** These flows may look different. */
  tell(flows: ReadonlySet<string>): void {
    if (flows.size === 0) return
    for (const flow of [...flows, undefined]) tell(this.#watchers.get(flow))
  }

  tellAll(): void {
    for (const watchers of this.#watchers.values()) tell(watchers)
  }

  async *watch(flow: string | undefined, signal: AbortSignal): AsyncGenerator<void> {
    const watcher: Watcher = { hasChanged: false, wake: () => {} }
    const watchers = this.#watchers.get(flow) ?? new Set()
    this.#watchers.set(flow, watchers.add(watcher))
    const end = () => watcher.wake()
    signal.addEventListener('abort', end, { once: true })
    try {
      while (!signal.aborted) {
        if (watcher.hasChanged) {
          watcher.hasChanged = false
          yield
          continue
        }
        await new Promise<void>((resolve) => {
          watcher.wake = resolve
        })
      }
    } finally {
      signal.removeEventListener('abort', end)
      watchers.delete(watcher)
      if (watchers.size === 0 && this.#watchers.get(flow) === watchers) this.#watchers.delete(flow)
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

function tell(watchers: Iterable<Watcher> | undefined): void {
  for (const watcher of watchers ?? []) {
    watcher.hasChanged = true
    watcher.wake()
  }
}
