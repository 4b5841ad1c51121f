import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

/** A portal in a process of its own, whose flows a test plays. */
export interface BoardServer {
  readonly process: ChildProcess
  readonly port: number
  play(check: string, outcome: 'pass' | 'warn' | 'fail', message?: string): void
  /** Watches these flows from now on, and no others. */
  configure(flows: readonly string[]): void
  setClock(aheadMs: number): void
  stop(): Promise<void>
}

/** Listens on any port that is free: one that a server before it had may be another's by now. */
export async function startBoardServer(databaseUrl: string, flows: readonly string[]): Promise<BoardServer> {
  const script = fileURLToPath(new URL('./board-server.mjs', import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify({ url: databaseUrl, port: 0, flows })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const [line]: unknown[] = await Promise.race([
    once(child.stdout, 'data'),
    ended.then(() => Promise.reject(new Error('the server of the board ended'))),
  ])
  return {
    process: child,
    port: Number(String(line)),
    play(check, outcome, message = `${check} says ${outcome}`) {
      child.stdin.write(`${JSON.stringify([check, outcome, message])}\n`)
    },
    configure(texts) {
      child.stdin.write(`${JSON.stringify({ flows: texts })}\n`)
    },
    setClock(clockAheadMs) {
      child.stdin.write(`${JSON.stringify({ clockAheadMs })}\n`)
    },
    async stop() {
      // Also when it is stopped: only this ends a process that sleeps.
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** What a proxy in front of the server makes of its answers. */
export type ProxyMood = 'through' | 'unavailable' | 'page' | 'sign-in' | 'silent'

/** Stands between browser and server, and can get in the way. */
export interface MoodyProxy {
  readonly url: string
  mood: ProxyMood
  /** How often it was asked while it was in the way. */
  refused: number
  /** Breaks off what is going through it. */
  cut(): void
  close(): Promise<void>
}

export async function moodyProxy(target: () => number): Promise<MoodyProxy> {
  const open = new Set<{ destroy(): void }>()
  const server = createServer((incoming, answer) => {
    open.add(answer)
    answer.on('close', () => open.delete(answer))
    if (proxy.mood !== 'through') proxy.refused += 1
    if (proxy.mood === 'unavailable') return answer.writeHead(503).end('no healthy upstream')
    if (proxy.mood === 'page') {
      return answer.writeHead(200, { 'Content-Type': 'text/html' }).end('<h1>Welcome to the network</h1>')
    }
    if (proxy.mood === 'sign-in') return answer.writeHead(303, { Location: '/sign-in' }).end()
    if (proxy.mood === 'silent') return answer
    const onward = request(
      {
        host: '127.0.0.1',
        port: target(),
        path: incoming.url,
        method: incoming.method,
        headers: incoming.headers,
      },
      (reply) => {
        answer.writeHead(reply.statusCode ?? 502, reply.headers)
        answer.flushHeaders()
        reply.pipe(answer)
        reply.on('error', () => answer.destroy())
      },
    )
    onward.on('error', () => answer.destroy())
    answer.on('close', () => onward.destroy())
    incoming.pipe(onward)
    return answer
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // eslint: an HTTP server that listens on TCP has an address with a port.
  const { port } = server.address() as AddressInfo
  const proxy: MoodyProxy = {
    url: `http://127.0.0.1:${port}`,
    mood: 'through',
    refused: 0,
    cut() {
      for (const each of open) each.destroy()
    },
    async close() {
      proxy.cut()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return proxy
}
