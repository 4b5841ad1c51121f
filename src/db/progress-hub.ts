import { type Kysely, sql } from 'kysely'
import pg from 'pg'
import type { Logger } from 'pino'
import type { ProgressHub } from '../domain/pipeline/progress.ts'
import type { Database } from './schema.ts'

/** Messages of this channel are topics. */
export const progressChannel = 'signalbox'
/** Told by the database itself for every batch that was taken into the audit log; a topic of the same name. */
const auditChannel = 'audit'
const pollMs = 2_000
const coalesceMs = 250

interface Watcher {
  changed: boolean
  wake: (() => void) | undefined
}

export interface ProgressHubProcess extends ProgressHub {
  close(): Promise<void>
}

/**
 * One connection that listens for the whole process. When it breaks it is made anew, and whoever watches is told to
 * look, because what was said meanwhile is lost. The two-second tick covers everything else.
 */
export function progressHub(databaseUrl: string, log: Logger): ProgressHubProcess {
  const topics = new Map<string, Set<Watcher>>()
  let client: pg.Client | undefined
  let retry: NodeJS.Timeout | undefined
  let closed = false

  const tell = (watchers: Iterable<Watcher>) => {
    for (const watcher of watchers) {
      watcher.changed = true
      watcher.wake?.()
    }
  }
  const tellAll = () => {
    for (const watchers of topics.values()) tell(watchers)
  }

  const connect = async () => {
    const fresh = new pg.Client({ connectionString: databaseUrl, application_name: 'signalbox listen' })
    client = fresh
    let lost = false
    const again = () => {
      if (lost || closed) return
      lost = true
      fresh.end().catch(() => {})
      retry = setTimeout(() => void connect(), 1_000)
    }
    fresh.on('error', (error) => {
      log.warn({ err: error }, 'the listening connection broke; polling until it is back')
      again()
    })
    fresh.on('end', again)
    fresh.on('notification', (said) =>
      tell(topics.get(said.channel === auditChannel ? auditChannel : (said.payload ?? '')) ?? []),
    )
    try {
      await fresh.connect()
      await fresh.query(`listen ${progressChannel}; listen ${auditChannel}`)
      if (closed) await fresh.end()
      else tellAll()
    } catch (error) {
      if (!lost) log.warn({ err: error }, 'cannot listen for changes; polling')
      again()
    }
  }

  const ready = connect()
  const tick = setInterval(tellAll, pollMs)
  tick.unref()

  return {
    watch(topic, signal) {
      const watcher: Watcher = { changed: false, wake: undefined }
      const watchers = topics.get(topic) ?? new Set()
      topics.set(topic, watchers.add(watcher))
      const stop = () => {
        watchers.delete(watcher)
        if (watchers.size === 0 && topics.get(topic) === watchers) topics.delete(topic)
        watcher.wake?.()
      }
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
      return changes(watcher, signal, stop)
    },
    async close() {
      closed = true
      clearInterval(tick)
      clearTimeout(retry)
      await ready
      await client?.end().catch(() => {})
    },
  }
}

async function* changes(watcher: Watcher, signal: AbortSignal, stop: () => void): AsyncGenerator<void> {
  try {
    while (!signal.aborted) {
      if (watcher.changed) {
        watcher.changed = false
        yield
        continue
      }
      await new Promise<void>((resolve) => {
        watcher.wake = resolve
      })
      watcher.wake = undefined
    }
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}

const pending = new WeakMap<Kysely<Database>, Map<string, { again: boolean }>>()

/**
 * Tells every process to look at a topic: the first change at once, later ones at most every 250 ms. Nothing is
 * awaited and nothing fails: whoever watches also polls.
 */
export function notify(db: Kysely<Database>, topic: string): void {
  const topics = pending.get(db) ?? new Map<string, { again: boolean }>()
  pending.set(db, topics)
  const waiting = topics.get(topic)
  if (waiting) {
    waiting.again = true
    return
  }
  const state = { again: false }
  topics.set(topic, state)
  sql`select pg_notify(${progressChannel}, ${topic})`.execute(db).catch(() => {})
  setTimeout(() => {
    topics.delete(topic)
    if (state.again) notify(db, topic)
  }, coalesceMs).unref()
}
