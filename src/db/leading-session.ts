import { Client } from 'pg'

/** A leader that says nothing for so long is frozen or cut off: the server ends its session, and the lock is free. */
const silenceSeconds = 5

export interface LeadingSession {
  /** Connection string. */
  readonly url: string
  /** What the server calls the session. */
  readonly name: string
  /** The longest statement; a server that hangs is given up a little later, not waited for. */
  readonly statementSeconds: number
  /** Whether what was committed has to outlast a crash of the server at once. */
  readonly durable: boolean
  readonly onLost: (error: Error) => void
}

/**
 * A session that leads as long as it is heard of: it holds an advisory lock, and the server ends it, and with it the
 * lock, when it says nothing for five seconds.
 * @param lead takes the lock and answers what leads by it; undefined while another session has it
 * @param again is asked then, and answers when to try once more; false gives up
 * @returns undefined when it was given up
 */
export async function seekLead<Leadership>(
  { url, name, statementSeconds, durable, onLost }: LeadingSession,
  lead: (client: Client) => Promise<Leadership | undefined>,
  again: () => Promise<boolean>,
): Promise<Leadership | undefined> {
  const client = new Client({
    connectionString: url,
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    query_timeout: statementSeconds * 1_000 + 5_000,
    statement_timeout: statementSeconds * 1_000,
    application_name: name,
  })
  client.on('error', onLost)
  try {
    await client.connect()
    await client.query(`set idle_session_timeout = '${silenceSeconds}s'`)
    await client.query(`set synchronous_commit = ${durable ? 'on' : 'off'}`)
    do {
      const leadership = await lead(client)
      if (leadership !== undefined) return leadership
    } while (await again())
  } catch (error) {
    await client.end().catch(() => {})
    throw error
  }
  await client.end()
  return undefined
}
