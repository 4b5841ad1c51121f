import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runOne } from '../../support/flows/run-one.ts'

let names: Socket
let asked: string[] = []
/** What the server of names does with a question; at first nothing, as one that is dead. */
let answer: (question: Buffer, from: RemoteInfo) => void = () => {}
let heard: () => void = () => {}
let port: Server
let run: ReturnType<typeof runOne>

/** The name in a question: parts, each behind its length, from the 13th byte. */
function nameIn(question: Buffer): string {
  const parts: string[] = []
  for (let at = 12; question[at] !== 0; at += (question[at] ?? 0) + 1) {
    parts.push(question.toString('latin1', at + 1, at + 1 + (question[at] ?? 0)))
  }
  return parts.join('.').toLowerCase()
}

/** “There is no such name.” */
const noSuchName = (question: Buffer, { port: to, address }: RemoteInfo) => {
  question[2] = (question[2] ?? 0) | 0x80
  question[3] = 0x83
  names.send(question, to, address)
}

async function heardOf(count: number): Promise<void> {
  while (new Set(asked).size < count)
    await new Promise<void>((resolve) => {
      heard = resolve
    })
}

beforeAll(async () => {
  names = createSocket('udp4')
  names.on('message', (question, from) => {
    asked.push(nameIn(question))
    heard()
    answer(question, from)
  })
  names.bind(0, '127.0.0.1')
  await once(names, 'listening')
  run = runOne({ nameServers: [`127.0.0.1:${names.address().port}`] })
  port = createServer((socket) => socket.destroy())
  port.listen(0, 'localhost')
  await once(port, 'listening')
})
beforeEach(() => {
  asked = []
  answer = () => {}
})
afterAll(() => {
  names.close()
  port.close()
})

describe('the names of targets', () => {
  test('names whose server is silent keep no other name waiting', async () => {
    const ending = new AbortController()
    const dead = Array.from({ length: 20 }, (_, at) =>
      at % 2 === 0
        ? run.verdict('tcp_port', `host: dead-${at}.invalid, port: 9000`, { signal: ending.signal })
        : run.verdict('db_connect', `dsn: "postgres://a:b@dead-${at}.invalid/x"`, { signal: ending.signal }),
    )
    await heardOf(20)
    const { port: number } = port.address() as AddressInfo
    expect(await run.verdict('tcp_port', `host: localhost, port: ${number}`)).toBe('pass')
    ending.abort()
    expect(new Set(await Promise.all(dead))).toEqual(new Set(['unknown timeout']))
  })
  test('a name is asked for once, however many wait for it', async () => {
    const questions: (() => void)[] = []
    answer = (question, from) => questions.push(() => noSuchName(question, from))
    const waiting = Array.from({ length: 10 }, () =>
      run.verdict('tcp_port', 'host: shared.invalid, port: 9000'),
    )
    await heardOf(1)
    expect(asked).toEqual(['shared.invalid'])
    for (const send of questions) send()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['fail not_found']))
  })
})
