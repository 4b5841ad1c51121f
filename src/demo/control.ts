import { timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { z } from 'zod'
import { remove, writeWhole } from './demo-files.ts'
import { type Loopback, listenOnLoopback } from './loopback.ts'
import { type DemoProcess, demoProcesses, isDemoProcess } from './place.ts'

/** What can be asked of a running simulator. */
export type Order =
  | { readonly kind: 'break'; readonly process: DemoProcess }
  | { readonly kind: 'mend'; readonly process: DemoProcess | undefined }
  | { readonly kind: 'status' }

export interface Controlled {
  readonly broken: readonly DemoProcess[]
  break(process: DemoProcess): Promise<void>
  mend(process: DemoProcess): Promise<void>
}

const Address = z.object({ url: z.url(), token: z.string() })
const Answer = z.object({ broken: z.array(z.enum(demoProcesses)) })

/** The file that says where a simulator listens. Whoever may read it may break its processes, nothing else. */
const addressFile = (runFolder: string) => join(runFolder, 'control.json')

/** Listens for orders on a port of this machine, named with its token in a file of the demo's folder. */
export async function listenForOrders(
  simulator: Controlled,
  runFolder: string,
  token: string,
): Promise<Loopback> {
  const answer: RequestListener = (request, response) => {
    const given = Buffer.from(request.headers.authorization ?? '')
    const wanted = Buffer.from(`Bearer ${token}`)
    const [, kind = '', process = ''] = (request.url ?? '').split('/')
    const order = orderOf(kind, process)
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted) || order === undefined) {
      response.writeHead(404).end()
      return
    }
    carryOut(simulator, order).then(
      () =>
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ broken: simulator.broken })),
      () => response.writeHead(500).end(),
    )
  }
  const server = await listenOnLoopback(answer, 0)
  await writeWhole(addressFile(runFolder), JSON.stringify({ url: server.url, token }), 0o600)
  return {
    ...server,
    async close() {
      await remove(addressFile(runFolder))
      await server.close()
    },
  }
}

/**
 * Gives an order to the simulator of a folder.
 * @returns the broken processes afterwards; undefined: no simulator runs there
 */
export async function order(runFolder: string, asked: Order): Promise<readonly DemoProcess[] | undefined> {
  const text = await readFile(addressFile(runFolder), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const { url, token } = Address.parse(JSON.parse(text))
  const path = asked.kind === 'status' ? 'status' : `${asked.kind}/${asked.process ?? ''}`
  try {
    const answer = await fetch(`${url}/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(5_000),
    })
    // Another server may have the port by now: it does not know the token.
    return answer.ok ? Answer.parse(await answer.json()).broken : undefined
  } catch {
    return undefined
  }
}

function orderOf(kind: string, process: string): Order | undefined {
  if (kind === 'status') return { kind }
  if (kind === 'break') return isDemoProcess(process) ? { kind, process } : undefined
  if (kind !== 'mend') return undefined
  if (process === '') return { kind, process: undefined }
  return isDemoProcess(process) ? { kind, process } : undefined
}

async function carryOut(simulator: Controlled, asked: Order): Promise<void> {
  if (asked.kind === 'break') await simulator.break(asked.process)
  if (asked.kind !== 'mend') return
  for (const process of asked.process === undefined ? simulator.broken : [asked.process]) {
    await simulator.mend(process)
  }
}
