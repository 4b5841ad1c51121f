import { isIP, type LookupFunction, Socket } from 'node:net'
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { onAbort } from './deadline.ts'

/** Where to, and how its name is found. */
export interface Address {
  readonly host: string
  readonly port: number
  readonly lookup: LookupFunction
}

/**
 * Opens a connection, works with it, and ends it: also when the signal aborts, whatever it is doing then.
 * @param tls undefined: plain TCP
 */
export async function withSocket<T>(
  address: Address,
  tls: ConnectionOptions | undefined,
  signal: AbortSignal,
  work: (socket: Socket | TLSSocket) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  // An abort must find the socket even before it is connected.
  const plain = new Socket()
  const release = onAbort(signal, () => plain.destroy(new Error('the check ran out of time')))
  try {
    await settledEvent(plain, 'connect', () => plain.connect({ ...address, autoSelectFamily: true }))
    if (tls === undefined) return await work(plain)
    const secure = tlsConnect({ socket: plain, ...serverName(address.host), ...tls })
    try {
      await settledEvent(secure, 'secureConnect')
      return await work(secure)
    } finally {
      secure.destroy()
    }
  } finally {
    release()
    plain.destroy()
  }
}

/** An address is no name to ask for. */
const serverName = (host: string) => (isIP(host) === 0 ? { servername: host } : {})

/**
 * The event, or the error that came before it; an end without either is a reset.
 * @param begin what leads to the event; what it throws is that error too, so that the promise never fails unheard
 */
function settledEvent(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  begin: () => void = () => {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve)
    // Stays: a later error has nobody else to hear it.
    socket.on('error', reject)
    socket.once('close', () =>
      reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' })),
    )
    begin()
  })
}

/**
 * What a socket sends, until `isEnough` or it ends, or `most` bytes are there.
 * @param isEnough asked after each piece
 */
export function readUntil(
  socket: Socket,
  most: number,
  isEnough: (text: string) => boolean,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const text = () => Buffer.concat(chunks).toString('utf8')
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size >= most || isEnough(text())) resolve(text())
    })
    socket.once('end', () => resolve(text()))
    socket.once('error', reject)
    socket.once('close', () => resolve(text()))
  })
}
