import { Readable } from 'node:stream'
import { permissionFor } from '../domain/auth/permissions.ts'
import type { AppContext, AppDeps } from './app-context.ts'
import { mayPersonStillUse } from './frame/still-allowed.ts'
import { usualPace } from './sse.ts'

/**
 * Answers with bytes for as long as the person may have them: it is asked again and again, and the connection is broken off
 * when the answer is no, so that nobody takes half a file for a whole one. It is the person who is asked about and not the
 * session: that ends by itself half an hour later, and goes on under another id when a password is given.
 */
export function download(
  c: AppContext,
  { db }: Pick<AppDeps, 'db'>,
  bytes: Readable,
  headers: Readonly<Record<string, string>>,
  everyMs: number = usualPace.rightsMs,
): Response {
  // Hono answers HEAD with the GET handler, and never reads what came of it: what is open would stay so.
  if (c.req.method === 'HEAD') {
    bytes.destroy()
    return c.body(null, 200, headers)
  }
  const permission = permissionFor(c.req.method, c.req.path)
  const { id } = c.var.user
  const ask = async () => {
    const may = permission !== undefined && (await mayPersonStillUse(db, permission, id).catch(() => false))
    if (bytes.closed) return
    if (may) {
      timer = setTimeout(ask, everyMs)
      return
    }
    bytes.destroy(new NotAllowedAnyMore())
    // What waits in buffers would still be sent.
    c.env?.outgoing?.destroy()
  }
  let timer = setTimeout(ask, everyMs)
  bytes.once('close', () => clearTimeout(timer))
  return c.body(Readable.toWeb(bytes) as ReadableStream, 200, headers)
}

/** Whoever took a download lost the right to it meanwhile. */
export class NotAllowedAnyMore extends Error {
  constructor() {
    super('a download was broken off: the right to it is gone')
  }
}
