import pg from 'pg'
import { onAbort, Settled } from './deadline.ts'
import type { Names } from './names.ts'
import { Places } from './places.ts'
import { PostgresSocket } from './postgres-socket.ts'

/** Connections of one database at once: checks watch it, they must not load it. */
const mostSessions = 4
/** An idle connection is kept this long for the next check. */
const idleMs = 30_000
/** How long asking the server to stop a statement may take. */
const cancelMs = 3_000

interface Session {
  readonly client: pg.Client
  readonly socket: PostgresSocket
  readonly processId: number
  /** Ends it at once, whatever it is doing; to the server an idle one that goes is no error. */
  destroy(): void
  isDead: boolean
}

/** The connections of one database. */
interface Sessions {
  readonly idle: Map<Session, NodeJS.Timeout>
  readonly places: Places
}

/**
 * Connections to the databases that checks ask, a few each. Not pg's own pool: that can end neither an attempt to
 * connect nor a wait for a place, and a check has to be over when its time is.
 */
export class PostgresSessions {
  readonly #names: Names
  readonly #sessions = new Map<string, Sessions>()
  readonly #cancelling = new Set<Promise<void>>()
  #isClosed = false

  constructor(names: Names) {
    this.#names = names
  }

  /** Works with a connection that nobody else uses. When the signal aborts, it and its statement are ended. */
  async use<T>(dsn: string, signal: AbortSignal, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const sessions = this.#of(dsn)
    try {
      return await sessions.places.work(signal, () => this.#useOne(dsn, sessions, signal, work))
    } finally {
      // A database that no flow names any more is forgotten.
      if (sessions.places.areAllFree && sessions.idle.size === 0) this.#sessions.delete(dsn)
    }
  }

  /** A connection of its own, so that connecting itself is tried; ended afterwards. */
  async once<T>(dsn: string, signal: AbortSignal, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const session = await openSession(dsn, this.#names, signal)
    const release = onAbort(signal, session.destroy)
    try {
      return await work(session.client)
    } finally {
      release()
      session.destroy()
    }
  }

  /** Ends what is idle, and waits for what is being cancelled. Running checks end by their signals. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const { idle } of this.#sessions.values()) {
      for (const [session, timer] of idle) {
        clearTimeout(timer)
        session.destroy()
      }
      idle.clear()
    }
    this.#sessions.clear()
    await Promise.all(this.#cancelling)
  }

  async #useOne<T>(
    dsn: string,
    sessions: Sessions,
    signal: AbortSignal,
    work: (client: pg.Client) => Promise<T>,
  ): Promise<T> {
    const session = takeIdle(sessions) ?? (await openSession(dsn, this.#names, signal))
    session.socket.beginAnswer()
    const release = onAbort(signal, () => {
      session.destroy()
      this.#cancel(dsn, session.processId)
    })
    try {
      const result = await work(session.client)
      this.#keep(sessions, session)
      return result
    } catch (error) {
      // A wrong query harms no connection.
      if (!signal.aborted && isOfQuery(error) && (await isRolledBack(session))) this.#keep(sessions, session)
      else session.destroy()
      throw error
    } finally {
      release()
    }
  }

  #keep({ idle }: Sessions, session: Session): void {
    if (session.isDead) return
    if (this.#isClosed) {
      session.destroy()
      return
    }
    const timer = setTimeout(() => {
      idle.delete(session)
      session.destroy()
    }, idleMs)
    timer.unref()
    idle.set(session, timer)
  }

  #of(dsn: string): Sessions {
    const known = this.#sessions.get(dsn)
    if (known !== undefined) return known
    const sessions: Sessions = { idle: new Map(), places: new Places(mostSessions) }
    this.#sessions.set(dsn, sessions)
    return sessions
  }

  /** A server does not notice that its client is gone while it works on a statement: it has to be told. */
  #cancel(dsn: string, processId: number): void {
    const signal = AbortSignal.timeout(cancelMs)
    const done = this.once(dsn, signal, async (client) => {
      await client.query('select pg_cancel_backend($1)', [processId])
    })
      // The limit that the statement itself has ends it too.
      .catch(() => {})
      .finally(() => this.#cancelling.delete(done))
    this.#cancelling.add(done)
  }
}

function takeIdle({ idle }: Sessions): Session | undefined {
  for (const [session, timer] of idle) {
    clearTimeout(timer)
    idle.delete(session)
    if (!session.isDead) return session
  }
  return undefined
}

const isOfQuery = (error: unknown) =>
  error instanceof Settled || (error instanceof pg.DatabaseError && error.severity === 'ERROR')

const isRolledBack = ({ client }: Session) =>
  client.query('rollback').then(
    () => true,
    () => false,
  )

async function openSession(dsn: string, names: Names, signal: AbortSignal): Promise<Session> {
  signal.throwIfAborted()
  const socket = new PostgresSocket(names)
  const client = new pg.Client({
    connectionString: dsn,
    application_name: 'signalbox checks',
    stream: () => socket,
    types,
  })
  const session = {
    client,
    socket,
    processId: 0,
    isDead: false,
    destroy: () => {
      session.isDead = true
      socket.destroy(new Error('the check ended its connection'))
    },
  }
  // An idle connection that the server ends says so here; nobody listening would end the process.
  client.on('error', () => session.destroy())
  client.on('end', () => {
    session.isDead = true
  })
  // With TLS the answers come by a stream of its own.
  socket.bound(client.connection.stream)
  client.connection.once('sslconnect', () => socket.bound(client.connection.stream))
  const release = onAbort(signal, session.destroy)
  try {
    await client.connect()
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    return Object.assign(session, { processId: rows[0]?.pid ?? 0 })
  } catch (error) {
    session.destroy()
    throw error
  } finally {
    release()
  }
}

const { builtins } = pg.types
/** A date has no time of day and stays text; a timestamp without time zone is read as UTC, as the session is. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') => {
    if (oid === builtins.DATE) return String
    if (oid === builtins.TIMESTAMP)
      return (text: string) => (/^\d{4}-/.test(text) ? new Date(`${text}Z`) : text)
    return pg.types.getTypeParser(oid, format)
  }) as typeof pg.types.getTypeParser,
}
