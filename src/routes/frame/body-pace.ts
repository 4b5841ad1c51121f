import { createMiddleware } from 'hono/factory'
import { permissionFor } from '../../domain/auth/permissions.ts'
import type { AppEnv } from '../app-context.ts'

/** What a sender has to do while we wait for it: so many bytes in so long. Time in which we write counts for nobody. */
export interface Pace {
  readonly leastBytes: number
  readonly everyMs: number
}

export interface BodyPaces {
  readonly form: Pace
  readonly upload: Pace
}

/** A form has to be there in half a minute; a file may take hours, as long as it goes on: 1 KiB a second. */
export const bodyPaces: BodyPaces = {
  form: { leastBytes: Number.POSITIVE_INFINITY, everyMs: 30_000 },
  upload: { leastBytes: 30 * 1024, everyMs: 30_000 },
}

/** Thrown to whoever reads a body that comes too slowly. */
export class SlowBody extends Error {
  constructor() {
    super('the body came too slowly')
    this.name = 'SlowBody'
  }
}

/** Thrown to whoever reads a body whose sender went away, or broke the rules of the protocol, in the middle of it. */
export class BrokenBody extends Error {
  constructor(cause: unknown) {
    super('the body broke off', { cause })
    this.name = 'BrokenBody'
  }
}

/**
 * Gives up on bodies that trickle: each holds a connection, and of an upload a key and a file. The server itself has no
 * limit for a whole request, because uploads may take long.
 */
export const bodyPace = (paces: BodyPaces = bodyPaces) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const { raw } = c.req
    const body = raw.method === 'GET' || raw.method === 'HEAD' ? null : raw.body
    if (body === null) return next()
    const isUpload = permissionFor(c.req.method, c.req.path)?.upload === true
    const reader = body.getReader()
    const paced = pacedBody(reader, isUpload ? paces.upload : paces.form)
    // The standard asks for it of a body that is a stream; the types do not know it.
    const streamed: RequestInit & { duplex: 'half' } = { body: paced, duplex: 'half' }
    c.req.raw = new Request(raw, streamed)
    await next()
    readAway(reader).catch(() => {})
  })

/**
 * Takes what a refusal left unread off the connection, so that its next request finds it free: a program, or a proxy, that
 * keeps connections would else be cut off in the middle of that one. The server ends a connection whose body goes on half a
 * second after the answer.
 */
async function readAway(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  while (!(await reader.read()).done);
}

/** The same bytes, for as long as they come fast enough. */
export function pacedBody(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { leastBytes, everyMs }: Pace,
): ReadableStream<Uint8Array> {
  let [bytes, waitedMs] = [0, 0]
  /** What the reader says next; undefined: it took too long. */
  const patiently = async () => {
    const reading = reader.read().catch((error: unknown) => {
      throw new BrokenBody(error)
    })
    for (;;) {
      const began = performance.now()
      const isThere = await inTime(reading, everyMs - waitedMs)
      waitedMs += performance.now() - began
      if (isThere) return reading
      if (bytes < leastBytes) {
        // Let go and not cancelled, which would end the connection before it was answered.
        reading.catch(() => {})
        return undefined
      }
      bytes = 0
      waitedMs = 0
    }
  }
  return new ReadableStream({
    async pull(controller) {
      const next = await patiently()
      if (next === undefined) return controller.error(new SlowBody())
      if (next.done) return controller.close()
      bytes += next.value.byteLength
      controller.enqueue(next.value)
    },
    cancel: (reason) => reader.cancel(reason),
  })
}

/** Whether it settles within the time; how it does is for whoever awaits it. */
function inTime(settling: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), Math.max(0, ms))
    const settled = () => {
      clearTimeout(timer)
      resolve(true)
    }
    settling.then(settled, settled)
  })
}
