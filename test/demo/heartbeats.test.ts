import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Heartbeats } from '../../src/demo/heartbeats.ts'
import { type Loopback, listenOnLoopback } from '../../src/demo/loopback.ts'

const statusOf = new Map<string, number>()
let portal: Loopback
let url: string
const said: string[] = []
let beats: Heartbeats

beforeAll(async () => {
  portal = await listenOnLoopback((request, response) => {
    response.writeHead(statusOf.get(request.url ?? '') ?? 200).end()
  }, 0)
  url = `http://127.0.0.1:${portal.port}`
})
afterAll(() => portal?.close())
beforeEach(() => {
  statusOf.clear()
  said.length = 0
  beats = new Heartbeats(url, (sentence) => void said.push(sentence))
})

const second = (seconds: number) => new Date(1_000_000 + seconds * 1_000)

test('a portal that loads its flow a little later is no news', async () => {
  statusOf.set('/ping/one', 404)
  for (const at of [0, 5, 10]) await beats.beat('one', second(at))
  statusOf.clear()
  for (const at of [15, 20, 25, 30]) await beats.beat('one', second(at))
  expect(said).toEqual([])
})

test('a refusal that lasts is said once, though another token is taken', async () => {
  statusOf.set('/ping/one', 404)
  for (let at = 0; at <= 60; at += 5) {
    await beats.beat('one', second(at))
    await beats.beat('two', second(at))
  }
  expect(said).toEqual([`the portal at ${url} answers pings with 404`])
})

test('a refusal that comes back is said again', async () => {
  for (const [index, status] of [404, 200, 503].entries()) {
    statusOf.set('/ping/one', status)
    for (let at = 0; at <= 20; at += 5) await beats.beat('one', second(100 * index + at))
  }
  expect(said.map((sentence) => sentence.slice(-3))).toEqual(['404', '503'])
})

test('a portal that is not there is said, with what to do', async () => {
  const gone = await listenOnLoopback((_, response) => void response.end(), 0)
  await gone.close()
  const lonely = new Heartbeats(gone.url, (sentence) => void said.push(sentence))
  for (const at of [0, 5, 10, 15]) await lonely.beat('one', second(at))
  expect(said).toEqual([`no portal at ${gone.url}; start it with npm start, or say --portal`])
})
