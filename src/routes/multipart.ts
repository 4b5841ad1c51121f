import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream as WebStream } from 'node:stream/web'
import busboy from 'busboy'
import { HTTPException } from 'hono/http-exception'
import type { AppContext } from './app-context.ts'

/** Files of one form; what comes after them is read away and named, not taken. */
export const mostFiles = 100

export interface IncomingFile {
  readonly name: string
  readonly bytes: AsyncIterable<Uint8Array>
}

export interface MultipartForm<T> {
  readonly taken: readonly T[]
  readonly fields: ReadonlyMap<string, string>
  /** More files came than `mostFiles`. */
  readonly hadMore: boolean
}

/**
 * Reads a multipart body as it arrives: text fields first, then each file is handed over as a stream that must be
 * consumed before the next one comes. The body is never held.
 * @returns what `take` answered for each file and whether there were more than may come at once, or undefined when the
 *   body is no multipart form
 * @throws when the sender breaks off; HTTPException 400 when the form is malformed or ends in the middle
 */
export async function readMultipart<T>(
  c: AppContext,
  take: (file: IncomingFile, fields: ReadonlyMap<string, string>) => Promise<T>,
): Promise<MultipartForm<T> | undefined> {
  const body = c.req.raw.body
  const type = c.req.header('Content-Type') ?? ''
  if (!body || !/^multipart\/form-data\b/i.test(type)) return undefined
  const form = formReader(type)
  const fields = new Map<string, string>()
  const taking: Promise<T>[] = []
  let hadMore = false
  form.on('filesLimit', () => {
    hadMore = true
  })
  form.on('field', (name, value) => fields.set(name, value))
  form.on('file', (_field, file, { filename }) => {
    // A sender that breaks off fails the form, and whoever reads the file; before anyone reads it, nobody would listen.
    file.on('error', () => {})
    // A picker left empty sends a file without a name.
    if (filename === undefined || filename === '') {
      file.resume()
      return
    }
    // Left early (too large), the stream must live on to be read away: destroyed, the form would never end. One
    // file after the other: what the first became may decide where the second belongs.
    const bytes = file.iterator({ destroyOnReturn: false })
    const one = (taking.at(-1) ?? Promise.resolve()).then(() => take({ name: filename, bytes }, fields))
    // Awaited below; a sender that breaks off makes it fail before, and that must not end the process. What a
    // refusal leaves unread is read away, or the form would never end.
    one.catch(() => {}).finally(() => file.resume())
    taking.push(one)
  })
  const incoming = Readable.fromWeb(body as WebStream)
  // Each fails with the other: the first one says whether the sender broke off or sent what is no form.
  let failed: 'sender' | 'form' | undefined
  incoming.once('error', () => {
    failed ??= 'sender'
  })
  form.once('error', () => {
    failed ??= 'form'
  })
  try {
    await pipeline(incoming, form)
  } catch (error) {
    await Promise.allSettled(taking)
    throw failed === 'form' ? new HTTPException(400, { cause: error }) : error
  }
  return { taken: await Promise.all(taking), fields, hadMore }
}

/** @throws HTTPException 400 for a content type that does not say where parts begin */
function formReader(type: string): ReturnType<typeof busboy> {
  try {
    return busboy({
      headers: { 'content-type': type },
      defParamCharset: 'utf8',
      limits: { files: mostFiles, fields: 50, fieldSize: 64 * 1024 },
      highWaterMark: 1024 * 1024,
      fileHwm: 1024 * 1024,
    })
  } catch (cause) {
    throw new HTTPException(400, { cause })
  }
}
