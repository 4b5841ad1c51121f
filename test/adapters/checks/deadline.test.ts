import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { Settled, untilAborted } from '../../../src/adapters/checks/deadline.ts'
import { isMeasured, runCheck } from '../../../src/adapters/checks/run-check.ts'
import { Uninterruptible } from '../../../src/adapters/checks/uninterruptible.ts'
import { couldNotTell, fail, pass } from '../../../src/domain/flows/checks/check-result.ts'
import { chain, flowOf } from '../../support/flows/flow-text.ts'
import { runOne } from '../../support/flows/run-one.ts'

const never = () => new Promise<never>(() => {})
const running = new AbortController().signal

describe('work until it is aborted', () => {
  test('answers what the work answers', async () => {
    expect(await untilAborted(running, 'late', async () => pass('good'))).toEqual(pass('good'))
  })
  test('answers what settled it from within', async () => {
    const settle = () => Promise.reject(new Settled(fail('refused', 'no')))
    expect(await untilAborted(running, 'late', settle)).toEqual(fail('refused', 'no'))
  })
  test('hands on a fault', async () => {
    await expect(
      untilAborted(running, 'late', () => Promise.reject(new TypeError('a fault'))),
    ).rejects.toThrow('a fault')
  })
  test('answers timeout at once when it is aborted, whatever the work does', async () => {
    const ending = new AbortController()
    const answer = untilAborted(ending.signal, 'Too late.', never)
    ending.abort()
    expect(await answer).toEqual(couldNotTell('timeout', 'Too late.'))
    expect(await untilAborted(ending.signal, 'Too late.', never)).toEqual(
      couldNotTell('timeout', 'Too late.'),
    )
  })
  test('what ending the work threw is a timeout too', async () => {
    const ending = new AbortController()
    const answer = untilAborted(ending.signal, 'Too late.', async () => {
      ending.abort()
      throw new Error('the socket was destroyed')
    })
    expect(await answer).toEqual(couldNotTell('timeout', 'Too late.'))
  })
})

describe('work that nothing can interrupt', () => {
  test('is not begun again while it hangs', async () => {
    const work = new Uninterruptible(2)
    const ending = new AbortController()
    let finish = () => {}
    const hanging = work.run('/share', ending.signal, 'Too late.', async () => {
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return pass('at last')
    })
    ending.abort()
    expect(await hanging).toEqual(couldNotTell('timeout', 'Too late.'))
    let begun = 0
    const again = () =>
      work.run('/share', running, 'Too late.', async () => {
        begun++
        return pass('good')
      })
    expect(await again()).toMatchObject({
      reason: 'timeout',
      message: expect.stringContaining('still hang'),
    })
    expect(begun).toBe(0)
    expect(await work.run('/other', running, 'Too late.', async () => pass('good'))).toEqual(pass('good'))
    finish()
    await new Promise((resolve) => setImmediate(resolve))
    expect(await again()).toEqual(pass('good'))
  })
  test('waits for a place, and says what hangs where it gets none', async () => {
    const work = new Uninterruptible(1)
    const finish: (() => void)[] = []
    const slow = (thing: string, signal: AbortSignal) =>
      work.run(thing, signal, 'Too late.', async () => {
        await new Promise<void>((resolve) => finish.push(resolve))
        return pass(thing)
      })
    const ending = new AbortController()
    const first = slow('/one', ending.signal)
    const second = slow('/two', running)
    const late = new AbortController()
    const third = slow('/three', late.signal)
    late.abort()
    expect(await third).toEqual(couldNotTell('timeout', 'Too late.'))
    expect(finish).toHaveLength(1)
    ending.abort()
    expect(await first).toEqual(couldNotTell('timeout', 'Too late.'))
    const behind = new AbortController()
    const fourth = slow('/four', behind.signal)
    behind.abort()
    expect((await fourth).message).toContain('Earlier looks at /one still hang')
    finish[0]?.()
    await new Promise((resolve) => setImmediate(resolve))
    finish[1]?.()
    expect(await second).toEqual(pass('/two'))
  })
})

describe('running a check of a flow', () => {
  const { runners } = runOne()
  const checkOf = (keys: string) => {
    const check = flowOf(chain({ more: `  - {id: x, process: a, ${keys}}` })).checks.find(
      ({ id }) => id === 'x',
    )
    if (check === undefined || !isMeasured(check)) throw new Error('no check to run')
    return check
  }
  const at = { now: 0, timezone: 'UTC' }

  test('ends it after its timeout', async () => {
    const server = createServer((socket) => socket.on('error', () => {}))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const check = checkOf(`type: tcp_port, host: 127.0.0.1, port: ${port}, expect: x, timeout: 20ms`)
    expect(await runCheck(runners, check, at)).toMatchObject({ outcome: 'unknown', reason: 'timeout' })
    server.close()
  })
  test('ends it when its caller does', async () => {
    const check = checkOf('type: tcp_port, host: 127.0.0.1, port: 1, timeout: 10m')
    expect((await runCheck(runners, check, at, AbortSignal.abort())).reason).toBe('timeout')
  })
  test('tells a fault of the runner, without its words', async () => {
    const broken = { ...runners, disk: { run: () => Promise.reject(new TypeError('with a password')) } }
    const result = await runCheck(broken, checkOf('type: disk, path: /, free: {fail: 1%}'), at)
    expect(result).toMatchObject({ outcome: 'unknown', reason: 'checker_error' })
    expect(result.message).not.toContain('password')
  })
})
