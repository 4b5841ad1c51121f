import { type LookupFunction, Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Names } from './names.ts'

/** Rows that are more than this are a table to read: gathered in memory they could end the whole portal. */
export const mostAnswerBytes = 16 * 2 ** 20

export class AnswerTooLarge extends Error {
  constructor() {
    super('the answer is too large')
    this.name = 'AnswerTooLarge'
  }
}

/** The socket of a connection to Postgres: it finds names as all checks do, and takes only so much of one answer. */
export class PostgresSocket extends Socket {
  readonly #lookup: LookupFunction
  #readBefore = 0

  constructor({ lookup }: Names) {
    super()
    this.#lookup = lookup
  }

  /** As pg asks for it: by port and host, or by the path of a socket file. */
  override connect(...[where, host]: readonly unknown[]): this {
    if (typeof where === 'number' && typeof host === 'string') {
      return super.connect({ port: where, host, lookup: this.#lookup })
    }
    return super.connect(String(where))
  }

  /** What comes from now on is another answer. */
  beginAnswer(): void {
    this.#readBefore = this.bytesRead
  }

  /** @param stream what the bytes of this socket come out of: this, or the TLS over it */
  bound(stream: Readable): void {
    stream.on('data', () => {
      if (this.bytesRead - this.#readBefore > mostAnswerBytes) this.destroy(new AnswerTooLarge())
    })
  }
}
